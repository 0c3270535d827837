"""What apps can do with devices: those of a closed list, those given to them, and no others."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

FOREIGN = "mknod /n c 10 237 2>/dev/null && echo made; cat /n; true"
EVERYTHING = ("--caps-retain=CAP_SYS_ADMIN,CAP_MKNOD,CAP_SYS_CHROOT,CAP_DAC_OVERRIDE",
              "--seccomp=mode=retain,@appc.io/all")  # fmt: skip
# Leave the app's cgroup for the pod's uppermost, as far as its namespace of cgroups reaches.
FLEE = (
    "mkdir /cg; mount -t cgroup2 none /cg && echo $$ >/cg/init.scope/cgroup.procs && echo fled;"
    " grep ^0: /proc/self/cgroup; "
)


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    """A directory of the host with a node of a device that no pod may use by itself."""
    os.mknod(tmp_path / "control", 0o020666, os.makedev(10, 237))
    os.chmod(tmp_path / "control", 0o666)
    return tmp_path


def volume(nodes: Path) -> str:
    return f"--volume=nodes,kind=host,source={nodes}"


MOUNT = "--mount=volume=nodes,target=/nodes"


def test_a_foreign_device_can_be_neither_made_nor_opened(rkt: Rktpy, nodes: Path) -> None:
    look = FOREIGN + "; cat /nodes/control; echo x >/dev/null && echo usable"
    done = rkt.run(volume(nodes), SHELL, MOUNT, "--", look)

    assert done.lines() == [
        "cat: can't open '/n': No such file or directory",
        "cat: can't open '/nodes/control': Operation not permitted",
        "usable",
    ]


def test_capabilities_and_other_cgroups_of_the_pod_lead_nowhere(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, *EVERYTHING, "--", FLEE + FOREIGN)

    assert done.lines()[:2] == ["fled", "0::/init.scope"]
    assert done.lines()[2:] == ["cat: can't open '/n': No such file or directory"]


@pytest.mark.parametrize("users", [(), ("--private-users",)])
def test_a_device_is_given_to_one_app_alone(
    rkt: Rktpy, nodes: Path, users: tuple[str, ...]
) -> None:
    look = "true <{0} && echo opened; exit 0"
    given = (f"--volume=control,kind=host,source={nodes}/control", volume(nodes))
    has = (SHELL, "--name=has", "--mount=volume=control,target=/given", "--", look.format("/given"))
    hasnot = (SHELL, "--name=hasnot", MOUNT, "--", look.format("/nodes/control"))
    done = rkt.run(*given, *users, *has, "---", *hasnot)

    assert done.lines("has") == ["opened"]
    assert done.lines("hasnot") == ["/bin/sh: can't open /nodes/control: Operation not permitted"]


def test_without_the_fence_every_device_can_be_made(rkt: Rktpy) -> None:
    done = rkt("--insecure-options=image,paths", "run", "--net=none", SHELL, "--", FOREIGN)

    assert done.lines()[0] == "made"


def test_status_tells_what_fences_the_devices(rkt: Rktpy) -> None:
    rkt.run(SHELL, "--", "exit 0")
    (found,) = rkt.pods()
    document = json.loads(rkt.ok("status", "--format=json", found.partition("/")[2]))

    assert document["isolators"] == [
        {
            "name": "rktpy/device-policy",
            "value": "closed",
            "enforced": True,
            "by": "BPF program",
        }
    ]
