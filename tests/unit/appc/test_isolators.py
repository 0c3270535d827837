"""Isolators one by one and together."""

from __future__ import annotations

import re

import pytest

from rktpy import codec
from rktpy.appc import isolators as many
from rktpy.appc.isolator import (
    CAPS_REMOVE,
    CAPS_RETAIN,
    CPU,
    CPU_SHARES,
    MEMORY,
    NO_NEW_PRIVILEGES,
    OOM_SCORE_ADJ,
    SECCOMP_REMOVE,
    SECCOMP_RETAIN,
    SYSCTL,
    Isolator,
    check_together,
)  # fmt: skip
from rktpy.appc.quantity import Quantity
from rktpy.appc.types import AppcError


def read(name: str, value: str) -> Isolator:
    return Isolator.from_object(codec.parse(f'{{"name":"{name}","value":{value}}}'))


def refused(expected: str) -> pytest.RaisesExc[AppcError]:
    return pytest.raises(AppcError, match=f"^{re.escape(expected)}$")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (CPU_SHARES, "2"), (CPU_SHARES, "262144"), (OOM_SCORE_ADJ, "-1000"),
        (OOM_SCORE_ADJ, "1000"), (NO_NEW_PRIVILEGES, "true"), (NO_NEW_PRIVILEGES, "false"),
        (CAPS_RETAIN, '{"set":["CAP_PONIES"]}'), (CAPS_REMOVE, '{"Set":["CAP_KILL"]}'),
        ("resource/block-bandwidth", '{"default":true,"limit":"1G"}'),
        ("resource/block-iops", '{"default":true,"limit":1000,"request":null}'),
        ("resource/network-bandwidth", '{"default":true,"limit":"1G"}'),
        (CPU, '{"request":"30m","limit":"1m"}'), (MEMORY, '{"LIMIT":"1.5Gi"}'),
        (MEMORY, '{"limit":1024.5}'), (MEMORY, "{}"),
        (SYSCTL, '{"net.ipv4.tcp_rfc1337":"1"}'), (SYSCTL, "{}"),
        ("os/linux/selinux-context", '{"user":"u","role":"r","type":"t","level":"s0-s0:c0"}'),
        ("os/linux/apparmor-profile", '{"profile":"rkt-default"}'),
        (SECCOMP_RETAIN, '{"set":["@appc.io/all"]}'),
        (SECCOMP_REMOVE, '{"set":["reboot"],"errno":"EACCESS"}'),
        (SECCOMP_REMOVE, '{"set":["reboot"],"errno":"E2BIG"}'),
        ("example.com/ponies", '{"any":[1.10,null]}'), ("example.com/none", "null"),
    ],
)  # fmt: skip
def test_an_isolator_is_echoed_as_it_was_written(name: str, value: str) -> None:
    assert codec.compact(read(name, value).to_object()) == f'{{"name":"{name}","value":{value}}}'


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (CPU_SHARES, "1", "os/linux/cpu-shares must be between 2 and 262144, got 1"),
        (CPU_SHARES, "262145", "os/linux/cpu-shares must be between 2 and 262144, got 262145"),
        (
            OOM_SCORE_ADJ,
            "-1001",
            f"{OOM_SCORE_ADJ} must be between -1000 and 1000, got -1001",
        ),
        (OOM_SCORE_ADJ, "1001", f"{OOM_SCORE_ADJ} must be between -1000 and 1000, got 1001"),
        (CPU_SHARES, '"pants"', "os/linux/cpu-shares must be an integer, got a string"),
        (CPU_SHARES, "1024.0", "os/linux/cpu-shares must be an integer, got 1024.0"),
        (CPU_SHARES, "true", "os/linux/cpu-shares must be an integer, got a boolean"),
        (CPU_SHARES, "1" * 30, "os/linux/cpu-shares is too large"),
        (NO_NEW_PRIVILEGES, "123", "os/linux/no-new-privileges must be a boolean, got a number"),
        (CAPS_RETAIN, '{"set":[]}', "set must be non-empty"),
        (CAPS_REMOVE, "{}", "set must be non-empty"),
        (CAPS_RETAIN, '{"set":"CAP_KILL"}', "set must be a list, got a string"),
        (CAPS_RETAIN, '["CAP_KILL"]', f"{CAPS_RETAIN} must be an object, got a list"),
        (MEMORY, '{"default":true,"limit":"2G"}', "default must be false"),
        (CPU, '{"default":true,"limit":"2"}', "default must be false"),
        (MEMORY, '{"limit":"1e"}', "unable to parse quantity's suffix"),
        ("resource/block-bandwidth", '{"default":false,"limit":"1G"}', "default must be true"),
        ("resource/block-iops", '{"limit":"1G"}', "default must be true"),
        (
            "resource/network-bandwidth",
            '{"default":true,"request":"1G","limit":"1G"}',
            "request not supported by this resource, must be empty",
        ),
        (SECCOMP_RETAIN, '{"errno":"EPERM"}', "set must be non-empty"),
        (
            SECCOMP_RETAIN,
            '{"set":["a"],"errno":"-EPERM"}',
            "errno must start with an 'E' character, got -EPERM",
        ),
        (
            SECCOMP_REMOVE,
            '{"set":["a"],"errno":"Eperm"}',
            "errno can only contain upper case or numeric characters, got Eperm",
        ),
        (
            "os/linux/selinux-context",
            '{"user":"u","role":"r:t","type":"t","level":"l"}',
            'invalid role value "r:t"',
        ),
        ("os/linux/selinux-context", "{}", 'invalid user value ""'),
        (
            "os/linux/selinux-context",
            '{"user":"u","role":"r","type":"t"}',
            'invalid level value ""',
        ),
        ("os/linux/apparmor-profile", "{}", 'invalid profile value ""'),
        (SYSCTL, '{"a":1}', "os/unix/sysctl.a must be a string, got a number"),
        (MEMORY, "null", 'isolator "resource/memory" has no value'),
    ],
)
def test_a_bad_value_says_why(name: str, value: str, told: str) -> None:
    with refused(told):
        read(name, value)


def test_a_known_isolator_without_value_is_refused() -> None:
    with refused('isolator "os/unix/sysctl" has no value'):
        Isolator.from_object({"name": SYSCTL})


@pytest.mark.parametrize(
    "name",
    [
        SECCOMP_RETAIN, SECCOMP_REMOVE, OOM_SCORE_ADJ, CPU_SHARES, SYSCTL,
        "os/linux/selinux-context", "os/linux/apparmor-profile",
    ],
)  # fmt: skip
def test_some_isolators_stand_once(name: str) -> None:
    values = {
        OOM_SCORE_ADJ: "1",
        CPU_SHARES: "2",
        SYSCTL: "{}",
        "os/linux/selinux-context": '{"user":"u","role":"r","type":"t","level":"l"}',
        "os/linux/apparmor-profile": '{"profile":"p"}',
    }
    twice = (read(name, values.get(name, '{"set":["a"]}')),) * 2
    with refused(f'isolators set contains too many instances of type {name}"'):
        check_together(twice)


def test_the_others_may_repeat() -> None:
    check_together(
        (
            *(many.make_memory(Quantity.of(1)),) * 2,
            *(many.make_capabilities_retain(["A"]),) * 2,
            many.make_capabilities_remove(["B"]),
            *(many.make_no_new_privileges(True),) * 2,
            *(Isolator("example.com/x", 1),) * 2,
        )
    )


def test_the_two_seccomp_sets_exclude_each_other() -> None:
    for order in (("retain", "remove"), ("remove", "retain")):
        with refused("isolators set contains incompatible types"):
            check_together(tuple(many.make_seccomp(mode, ["a"]) for mode in order))


def test_of_several_limits_the_last_counts() -> None:
    both = (many.make_memory(Quantity.parse("1G")), many.make_memory(Quantity.parse("2Gi")))

    limit = many.memory_limit(both)

    assert limit is not None
    assert limit.integer() == 2**31
    assert many.cpu_limit(both) is None


def test_limits_are_written_as_rkt_does() -> None:
    assert codec.compact(many.make_cpu(Quantity.parse("500m")).raw) == (
        '{"default":false,"request":"500m","limit":"500m"}'
    )


def test_a_resource_without_limit_limits_nothing() -> None:
    assert many.memory_limit((read(MEMORY, '{"request":"1G"}'),)) is None


def test_numbers_are_found() -> None:
    given = (many.make_cpu_shares(512), many.make_oom_score_adj(-7))

    assert (many.cpu_shares(given), many.oom_score_adj(given)) == (512, -7)
    assert (many.cpu_shares(()), many.oom_score_adj(())) == (None, None)


@pytest.mark.parametrize("shares", [1, 262145, -5])
def test_shares_out_of_range_are_refused_when_made(shares: int) -> None:
    with pytest.raises(AppcError, match="must be between 2 and 262144"):
        many.make_cpu_shares(shares)


def test_any_no_new_privileges_counts() -> None:
    no, yes = many.make_no_new_privileges(False), many.make_no_new_privileges(True)

    assert many.no_new_privileges((no, yes, no))
    assert not many.no_new_privileges((no,))
    assert not many.no_new_privileges(())


def test_without_an_isolator_the_default_capabilities_remain() -> None:
    assert len(many.bounding_set(())) == 14
    assert "CAP_NET_RAW" in many.bounding_set(())


def test_removing_takes_from_the_default_only() -> None:
    given = (many.make_capabilities_remove(["CAP_NET_RAW", "CAP_SYS_ADMIN"]),)

    assert set(many.DEFAULT_CAPABILITIES) - set(many.bounding_set(given)) == {"CAP_NET_RAW"}


def test_retained_capabilities_are_united() -> None:
    given = (
        many.make_capabilities_retain(["CAP_KILL", "CAP_A"]),
        many.make_capabilities_retain(["CAP_B", "CAP_KILL"]),
    )

    assert many.bounding_set(given) == ("CAP_KILL", "CAP_A", "CAP_B")


def test_retaining_and_removing_together_is_refused_at_run_time() -> None:
    given = (many.make_capabilities_retain(["A"]), many.make_capabilities_remove(["B"]))
    with refused(f"cannot have both {CAPS_RETAIN} and {CAPS_REMOVE}"):
        many.bounding_set(given)


def test_the_seccomp_filter_is_found() -> None:
    found = many.seccomp((many.make_seccomp("remove", ["reboot", "@rkt/x"], "EPERM"),))

    assert found is not None
    assert (found[0], found[1].names, found[1].errno) == ("remove", ("reboot", "@rkt/x"), "EPERM")
    assert many.seccomp(()) is None


def test_several_seccomp_filters_are_refused_at_run_time() -> None:
    with refused("too many seccomp isolators specified"):
        many.seccomp((many.make_seccomp("remove", ["a"]), many.make_seccomp("retain", ["a"])))


def test_unknown_isolators_can_be_named() -> None:
    given = (read("resource/network-ponies", "0"), many.make_cpu_shares(5))

    assert many.ignored(given) == ("resource/network-ponies",)


def test_replacing_removes_every_old_one() -> None:
    old = (many.make_cpu_shares(5), Isolator("x", 1), many.make_cpu_shares(6))
    new = many.make_cpu_shares(7)

    assert many.replace(old, new, CPU_SHARES) == (Isolator("x", 1), new)


def test_an_isolator_can_be_hashed() -> None:
    assert len({Isolator("x", [1]), Isolator("x", [1]), Isolator("x", {})}) == 2
