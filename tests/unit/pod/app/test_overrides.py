"""Per-image options: values, refusals, and what they do to the image's isolators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.appc import isolators
from rktpy.appc.isolator import Isolator
from rktpy.appc.pod import Mount
from rktpy.appc.quantity import Quantity
from rktpy.pod.app.overrides import (
    AppSpec,
    OptionValueError,
    OverrideError,
    override_isolators,
    read_spec,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_nothing_said_leaves_everything_to_the_image() -> None:
    assert read_spec("img", [], {}) == AppSpec(image="img")


def test_every_option_finds_its_place() -> None:
    spec = read_spec(
        "img",
        ["-a", "b"],
        {
            "signature": "sig",
            "name": "web",
            "exec": "/bin/x",
            "working-dir": "/w",
            "user": "u",
            "group": "g",
            "supplementary-gids": (1, 2),
            "readonly-rootfs": True,
            "mount": ("volume=v,target=/t",),
            "environment": (("A", "1"),),
            "annotation": (("a", "1"),),
            "user-annotation": (("b", "2"),),
            "user-label": (("c", "3"),),
            "stdin": "stream",
            "stdout": "null",
            "stderr": "tty",
        },
    )

    assert spec == AppSpec(
        image="img",
        args=("-a", "b"),
        signature="sig",
        name="web",
        exec="/bin/x",
        working_directory="/w",
        user="u",
        group="g",
        supplementary_gids=(1, 2),
        read_only_rootfs=True,
        mounts=(Mount("v", "/t"),),
        environment=(("A", "1"),),
        annotations=(("a", "1"),),
        user_annotations=(("b", "2"),),
        user_labels=(("c", "3"),),
        stdin="stream",
        stdout="null",
        stderr="tty",
    )


@pytest.mark.parametrize(
    ("option", "value", "isolator"),
    [
        ("memory", "16Mi", isolators.make_memory(Quantity.parse("16Mi"))),
        ("cpu", "500m", isolators.make_cpu(Quantity.parse("500m"))),
        ("cpu-shares", 1024, Isolator("os/linux/cpu-shares", 1024)),
        ("pids-limit", 10, Isolator("rktpy/pids-limit", 10)),
        ("oom-score-adj", -7, Isolator("os/linux/oom-score-adj", -7)),
        (
            "caps-retain",
            ("CAP_KILL", "CAP_CHOWN"),
            Isolator("os/linux/capabilities-retain-set", {"set": ["CAP_KILL", "CAP_CHOWN"]}),
        ),
        (
            "caps-remove",
            ("CAP_KILL",),
            Isolator("os/linux/capabilities-remove-set", {"set": ["CAP_KILL"]}),
        ),
        (
            "seccomp",
            "mode=retain,errno=EPERM,@rkt/default-whitelist,reboot",
            isolators.make_seccomp("retain", ["@rkt/default-whitelist", "reboot"], "EPERM"),
        ),
        ("seccomp", "mode=remove,socket", isolators.make_seccomp("remove", ["socket"])),
    ],
)
def test_limits_become_isolators(option: str, value: object, isolator: Isolator) -> None:
    assert read_spec("img", [], {option: value}).isolators == (isolator,)


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        (
            "memory",
            "16m",
            'invalid argument "16m" for --memory: memory limit of 1 bytes too low.'
            " Try a reasonable value, such as --memory=16M",
        ),
        (
            "memory",
            "4095",
            'invalid argument "4095" for --memory: memory limit of 4095 bytes too low.'
            " Try a reasonable value, such as --memory=16M",
        ),
        (
            "cpu",
            "0",
            'invalid argument "0" for --cpu: cpu limit of 0 too low.'
            " Try a reasonable value, such as 500m",
        ),
        (
            "cpu-shares",
            1,
            'invalid argument "1" for --cpu-shares: os/linux/cpu-shares must be between'
            " 2 and 262144, got 1",
        ),
        (
            "oom-score-adj",
            1001,
            'invalid argument "1001" for --oom-score-adj: os/linux/oom-score-adj must be between'
            " -1000 and 1000, got 1001",
        ),
        ("caps-retain", ("",), 'invalid argument "" for --caps-retain: set must be non-empty'),
        (
            "seccomp",
            "mode=maybe,x",
            'invalid argument "mode=maybe,x" for --seccomp: invalid seccomp mode "maybe":'
            " give mode=retain or mode=remove",
        ),
        (
            "seccomp",
            "reboot",
            'invalid argument "reboot" for --seccomp: invalid seccomp mode "":'
            " give mode=retain or mode=remove",
        ),
        (
            "seccomp",
            "mode=retain,mode=remove,x",
            'invalid argument "mode=retain,mode=remove,x" for --seccomp:'
            ' seccomp parameter "mode" given twice',
        ),
        (
            "seccomp",
            "mode=retain,what=x",
            'invalid argument "mode=retain,what=x" for --seccomp: unknown seccomp parameter "what"',
        ),
        (
            "seccomp",
            "mode=retain,errno=13,x",
            'invalid argument "mode=retain,errno=13,x" for --seccomp:'
            " errno must start with an 'E' character, got 13",
        ),
        (
            "mount",
            ("volume=v,where=/x",),
            'invalid argument "volume=v,where=/x" for --mount: unknown mount parameter "where"',
        ),
        (
            "mount",
            ("volume=V,target=/x",),
            'invalid argument "volume=V,target=/x" for --mount: invalid volume name "V" in --mount'
            ' flag "volume=V,target=/x": ACName must contain only lower case alphanumeric'
            ' characters plus "-"',
        ),
    ],
)
def test_a_refused_value_is_named_with_its_option(option: str, value: object, text: str) -> None:
    with pytest.raises(OptionValueError) as caught:
        read_spec("img", [], {option: value})

    assert caught.value.message == text


MEMORY = isolators.make_memory(Quantity.parse("1Gi"))
RETAIN = isolators.make_capabilities_retain(["CAP_KILL"])
REMOVE = isolators.make_capabilities_remove(["CAP_CHOWN"])
FILTER = isolators.make_seccomp("retain", ["reboot"])
FORBID = isolators.make_no_new_privileges


def test_a_new_memory_limit_follows_the_old_and_so_counts() -> None:
    new = isolators.make_memory(Quantity.parse("16Mi"))
    found = override_isolators((MEMORY, FORBID(True)), [new])

    assert found == (MEMORY, FORBID(True), new)
    limit = isolators.memory_limit(found)
    assert limit is not None
    assert limit.integer() == 16 << 20


@pytest.mark.parametrize(
    ("make", "old", "new"),
    [
        (isolators.make_cpu_shares, 2, 1024),
        (isolators.make_oom_score_adj, 1, -1),
    ],
)
def test_shares_and_score_replace_the_images(
    make: Callable[[int], Isolator], old: int, new: int
) -> None:
    assert override_isolators((make(old), MEMORY), [make(new)]) == (MEMORY, make(new))


def test_capabilities_replace_either_kind_of_the_image() -> None:
    assert override_isolators((RETAIN, REMOVE, MEMORY), [REMOVE]) == (MEMORY, REMOVE)


def test_a_filter_replaces_either_kind_of_the_image() -> None:
    new = isolators.make_seccomp("remove", ["socket"])

    assert override_isolators((FILTER, RETAIN), [new]) == (RETAIN, new)


def test_both_kinds_of_capability_set_at_once_are_refused() -> None:
    with pytest.raises(OverrideError) as caught:
        override_isolators((), [RETAIN, REMOVE])

    assert caught.value.message == (
        "error: cannot use both --caps-retain and --caps-remove on the same image"
    )
