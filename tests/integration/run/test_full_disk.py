"""Pods whose disk gets full while they run: they end with their status, and can be got rid of.

What ``run`` itself says of a full disk is in ``test_bad_input``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.host.tree.removal import remove_tree
from rktpy.layout import Layout
from rktpy.pod.phase import Phase
from tests.integration.run.images import SHELL
from tests.integration.run.rk import Rktpy
from tests.support.disks import KINDS, small_disk
from tests.support.pods import a_pod, phases_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.run.rk import Running
    from tests.support.disks import SmallDisk

# Says what it met, waits at the gate, says it again.
_SAY = "echo x >/$1; echo $1 $?"
_WAIT = "while ! [ -e /gate/open ]; do sleep 0.05; done"
_APP = f"set -- before; {_SAY}; {_WAIT}; set -- after; {_SAY}; exit 5"
_EXT4 = KINDS[-1]


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path, getattr(request, "param", _EXT4)) as disk:
        yield disk


@pytest.fixture
def rkt(disk: SmallDisk, image_files: dict[str, Path]) -> Iterator[Rktpy]:
    """A data directory on the disk that has run a pod."""
    rkt = Rktpy(disk.path / "data")
    rkt.ok("fetch", image_files["shell"])
    assert rkt.run(SHELL, "--", "exit 4").status == 4
    assert rkt.collect().status == 0
    yield rkt
    assert rkt.collect().status == 0
    assert rkt.pods() == []


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    gate = tmp_path / "gate"
    gate.mkdir()
    return gate


def start(rkt: Rktpy, gate: Path, *options: str) -> Running:
    volume = f"--volume=gate,kind=host,source={gate}"
    mount = "--mount=volume=gate,target=/gate"
    return rkt.start("run", *options, volume, SHELL, mount, "--", _APP)


def test_a_pod_that_filled_the_disk_makes_room_for_the_one_that_replaces_it(
    rkt: Rktpy, disk: SmallDisk
) -> None:
    fill = "while cat /bin/busybox >>/full; do :; done; exit 5"
    assert rkt.run("--pod-name=web", SHELL, "--", fill).status == 5
    disk.fill()
    refused = rkt.run("--pod-name=web", SHELL, "--", "exit 3")

    done = rkt.run("--replace", "--pod-name=web", SHELL, "--", "exit 3")

    assert refused.status == 254
    assert done.status == 3


@pytest.mark.parametrize("disk", KINDS, indirect=True)
def test_pods_end_as_ever_and_can_be_removed(rkt: Rktpy, disk: SmallDisk, gate: Path) -> None:
    with (
        start(rkt, gate) as ends,
        start(rkt, gate) as stopped,
        start(rkt, gate) as killed,
    ):
        pods = [pod.ready() for pod in (ends, stopped, killed)]
        ends.says("before 0")
        disk.fill()
        states = [rkt.status(uuid)["state"] for uuid in pods]
        said = rkt.ok("enter", pods[0], "/bin/echo", "here")
        rkt.ok("stop", pods[1])
        rkt.ok("stop", "--force", pods[2])
        (gate / "open").touch()
        done = [pod.end().status for pod in (ends, stopped, killed)]
    told = [rkt.status(uuid) for uuid in pods]

    assert (states, said.strip()) == (["running"] * 3, "here")
    assert done == [5, 0, -9]
    assert [status.get("app-shell") for status in told] == ["5", "0", None]
    assert ["ended" in status for status in told] == [True, True, False]
    disk.fill()
    rkt.ok("rm", pods[0])
    disk.fill()
    assert rkt.collect().status == 0
    assert rkt.pods() == []
    assert disk.free() > 0


def test_a_pod_in_a_user_namespace_writes_its_status_too(
    rkt: Rktpy, disk: SmallDisk, gate: Path
) -> None:
    with start(rkt, gate, "--private-users") as pod:
        uuid = pod.ready()
        disk.fill()
        (gate / "open").touch()
        done = pod.end()

    assert done.status == 5, done
    assert rkt.status(uuid)["app-shell"] == "5"


def test_an_app_that_fills_the_disk_is_told_and_others_run_on(rkt: Rktpy, gate: Path) -> None:
    with start(rkt, gate) as other:
        other.ready()
        done = rkt.run(SHELL, "--", "cat /dev/zero >/fill || exit 6")
        (gate / "open").touch()
        end = other.end()

    assert done.status == 6, done
    assert "No space left on device" in done.out
    assert end.status == 5


def test_rm_needs_no_room_for_a_name(disk: SmallDisk, image_files: dict[str, Path]) -> None:
    rkt = Rktpy(disk.path / "data")
    rkt.ok("fetch", image_files["shell"])
    layout = Layout(str(rkt.data))
    # As many as the directory has room for in its one block.
    marked = [a_pod(layout, Phase.EXITED_GARBAGE) for _ in range(22)]
    uuid = a_pod(layout)
    disk.fill()

    rkt.ok("rm", uuid)

    assert phases_of(layout) == {Phase.EXITED_GARBAGE: sorted(marked)}
    assert rkt.collect().status == 0
    assert rkt.pods() == []


@pytest.mark.parametrize("disk", ["tmpfs of names"], indirect=True)
def test_a_pod_of_which_nothing_can_be_noted_is_marked(disk: SmallDisk) -> None:
    rkt = Rktpy(disk.path / "data")
    layout = Layout(str(rkt.data))
    uuid = a_pod(layout, status=None)  # killed
    os.utime(layout.pod(Phase.RUN, uuid).ppid, (1, 1))  # before this boot
    disk.fill()

    rkt.ok("gc", "--mark-only")

    assert phases_of(layout) == {Phase.EXITED_GARBAGE: [uuid]}


def test_what_lies_deep_is_deleted_without_room_for_its_names_above(disk: SmallDisk) -> None:
    tree = disk.path / "tree"
    deep = tree.joinpath(*"d" * 24)
    for number in range(100):  # twice what a block of names takes
        (deep / f"{number}" / "more").mkdir(parents=True)
    disk.fill()

    remove_tree(str(tree))

    assert not tree.exists()
