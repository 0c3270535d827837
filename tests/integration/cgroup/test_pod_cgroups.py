"""A pod's cgroups on the real hierarchies of this host, below those of the test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from rktpy import cgroup
from rktpy.flavour.placing import Foreseen, Placing
from rktpy.host.cgroup.hierarchy import parse_membership
from rktpy.host.cgroup.places import Place
from rktpy.layout import PodTree
from rktpy.systemd.unit import NONE, Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration


class Scene:
    """One planned pod and the processes started in it; all is gone at the end."""

    def __init__(self) -> None:
        self.uuid = str(uuid.uuid4())
        try:
            self.pod = cgroup.plan(self.uuid)
        except cgroup.CgroupError as error:
            pytest.skip(error.message)
        self.children: list[subprocess.Popen[bytes]] = []

    def start(self, *argv: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(argv, env=env)
        self.children.append(child)
        return child

    def run_inside(self, pod: cgroup.PodCgroup, script: str) -> subprocess.Popen[bytes]:
        """Run ``script`` in the cgroups of ``pod``: nothing of it starts before it is there."""
        argv = ("sh", "-c", f"read go; {script}")
        child = subprocess.Popen(argv, stdin=subprocess.PIPE)
        self.children.append(child)
        cgroup.join(pod, child.pid)
        assert child.stdin is not None
        with child.stdin as stdin:
            stdin.write(b"\n")
        return child

    def remove(self, **files: str) -> bool:
        return cgroup.kill_and_remove(
            self.uuid,
            files.get("subcgroup", self.pod.subcgroup),
            files.get("record", self.pod.record),
        )

    def close(self) -> None:
        cgroup.leave(self.pod, os.getpid())
        for child in self.children:
            child.kill()
            child.wait()
        cgroup.kill_and_remove(self.uuid, self.pod.subcgroup, self.pod.record)


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()


def membership(pid: int | str = "self") -> dict[str, str]:
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        return parse_membership(file.read())


def exists(pod: cgroup.PodCgroup) -> list[str]:
    return [place.directory for place in pod.places if os.path.isdir(place.directory)]


def test_joining_leads_below_the_caller_in_every_planned_hierarchy(scene: Scene) -> None:
    before = membership()
    cgroup.create(scene.pod)
    cgroup.join(scene.pod, os.getpid())
    now = membership()
    assert scene.pod.places
    assert {p.key: now[p.key] for p in scene.pod.places} == {
        p.key: f"{before[p.key].rstrip('/')}/{cgroup.cgroup_name(scene.uuid)}"
        for p in scene.pod.places
    }
    cgroup.leave(scene.pod, os.getpid())
    assert membership() == before
    assert cgroup.remove(scene.pod)
    assert exists(scene.pod) == []


def test_rejoining_moves_nobody(scene: Scene) -> None:
    before = membership()

    cgroup.rejoin()

    assert membership() == before


def test_creating_twice_takes_the_first_over(scene: Scene) -> None:
    cgroup.create(scene.pod)
    cgroup.create(scene.pod)
    cgroup.join(scene.pod, os.getpid())


def test_a_process_that_is_gone_cannot_join_and_the_text_says_where(scene: Scene) -> None:
    cgroup.create(scene.pod)
    child = scene.start("true")
    child.wait()
    with pytest.raises(cgroup.CgroupError, match=r"cannot join control group /.*machine-rkt"):
        cgroup.join(scene.pod, child.pid)


def test_a_process_is_back_where_it_was_when_one_cgroup_cannot_be_joined(scene: Scene) -> None:
    before = membership()
    cgroup.create(scene.pod)
    bad = Place("x", "/x", "/proc/x", "/proc/x")
    with pytest.raises(cgroup.CgroupError, match="cannot join control group /proc/x"):
        cgroup.join(scene.pod.replace(places=(*scene.pod.places, bad)), os.getpid())
    assert membership() == before


def test_nothing_is_left_when_one_cgroup_cannot_be_made(scene: Scene) -> None:
    bad = Place("x", "/x", "/proc/x", "/proc")
    broken = scene.pod.replace(places=(*scene.pod.places, bad))
    with pytest.raises(cgroup.CgroupError, match="cannot create control group /proc/x"):
        cgroup.create(broken)
    assert exists(scene.pod) == []


def test_what_ignores_every_polite_signal_is_killed(scene: Scene) -> None:
    cgroup.create(scene.pod)
    child = scene.run_inside(scene.pod, "trap '' TERM INT HUP; sleep 100 & sleep 100 & wait")
    assert child.pid in cgroup.processes(exists(scene.pod))
    assert scene.remove()
    assert child.wait() == -signal.SIGKILL
    assert exists(scene.pod) == []


def test_cgroups_that_the_pod_made_inside_go_too(scene: Scene) -> None:
    cgroup.create(scene.pod)
    for place in scene.pod.places:
        os.makedirs(f"{place.directory}/payload/system.slice/app.service")
    child = scene.start("sleep", "100")
    for place in scene.pod.places:
        inner = f"{place.directory}/payload/system.slice/app.service"
        if "cpuset" not in place.key:
            with open(f"{inner}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(child.pid))
    assert scene.remove()
    assert child.wait() == -signal.SIGKILL
    assert exists(scene.pod) == []


def test_something_that_keeps_forking_is_killed(scene: Scene) -> None:
    cgroup.create(scene.pod)
    scene.run_inside(scene.pod, "while :; do sh -c 'sleep 0.01; sleep 0.1' & sleep 0.005; done")
    time.sleep(0.1)
    assert scene.remove()
    assert exists(scene.pod) == []


def v1_only(pod: cgroup.PodCgroup) -> cgroup.PodCgroup:
    """The pod without cgroup2, and so without cgroup.kill."""
    return pod.replace(places=tuple(place for place in pod.places if place.key))


def without_freezer(pod: cgroup.PodCgroup) -> cgroup.PodCgroup:
    return pod.replace(
        places=tuple(p for p in pod.places if p.key and "freezer" not in p.key.split(","))
    )


def v2_only(pod: cgroup.PodCgroup) -> cgroup.PodCgroup:
    return pod.replace(places=tuple(place for place in pod.places if not place.key))


@pytest.mark.parametrize("reduce", [v2_only, v1_only, without_freezer])
def test_any_hierarchy_alone_is_enough_to_end_what_forks(
    scene: Scene, reduce: Callable[[cgroup.PodCgroup], cgroup.PodCgroup]
) -> None:
    pod = reduce(scene.pod)
    if not pod.places:
        pytest.skip("no such hierarchy here")
    cgroup.create(pod)
    child = scene.run_inside(pod, "while :; do sleep 0.1 & sleep 0.01; done")
    time.sleep(0.05)
    assert scene.remove(subcgroup="", record=pod.record)
    assert child.wait() == -signal.SIGKILL
    assert exists(pod) == []


def test_a_scope_that_systemd_made_is_emptied_and_left_for_systemd_to_remove(scene: Scene) -> None:
    """Without its cgroup systemd would never hear that the scope is empty.

    Those of v1 controllers tell nobody, and of some systemd may never have known.
    """
    cgroup.create(scene.pod)
    child = scene.run_inside(scene.pod, "sleep 100")
    known = [p for p in scene.pod.places if scene.pod.subcgroup.startswith(p.path)]
    assert scene.remove(record="")
    assert child.wait() == -signal.SIGKILL
    left = [place.key for place in known if os.path.isdir(place.directory)]
    assert left == [place.key for place in known if place.key in ("", "name=systemd")]


def test_a_pod_we_are_inside_of_is_left_alone(scene: Scene) -> None:
    cgroup.create(scene.pod)
    neighbour = scene.start("sleep", "100")
    cgroup.join(scene.pod, neighbour.pid)
    cgroup.join(scene.pod, os.getpid())
    assert not scene.remove()
    assert neighbour.poll() is None
    assert len(exists(scene.pod)) == len(scene.pod.places)


def test_the_pod_of_another_uuid_is_left_alone(scene: Scene) -> None:
    cgroup.create(scene.pod)
    child = scene.start("sleep", "100")
    cgroup.join(scene.pod, child.pid)
    assert cgroup.kill_and_remove(str(uuid.uuid4()), scene.pod.subcgroup, scene.pod.record)
    assert child.poll() is None
    assert len(exists(scene.pod)) == len(scene.pod.places)


def test_removing_what_is_not_there_succeeds(scene: Scene) -> None:
    assert scene.remove()
    assert cgroup.kill_and_remove(scene.uuid, "", "")
    assert cgroup.kill_and_remove(scene.uuid, "system.slice/x.service/payload", "")


def test_a_path_that_climbs_is_not_followed(scene: Scene) -> None:
    cgroup.create(scene.pod)
    own, _, name = scene.pod.places[-1].path.rpartition("/")
    around = f"{own}/{name}/../{name}"
    assert cgroup.own_directories(scene.uuid, f"{own}/{name}") != ()
    assert cgroup.own_directories(scene.uuid, around) == ()


def unit_of_the_test(scene: Scene) -> tuple[str, str]:
    """Make ``<our cgroup>/x.service/payload/init.scope`` in the tree; return path and directory."""
    place = scene.pod.places[-1]
    for place in scene.pod.places:
        if place.key in ("", "name=systemd"):
            break
    unit = f"{place.origin}/x{os.getpid()}.service"
    os.makedirs(f"{unit}/payload/init.scope")
    return membership()[place.key].rstrip("/") + f"/x{os.getpid()}.service/payload", unit


@pytest.mark.parametrize("ours", [True, False])
def test_a_units_payload_is_emptied_only_if_this_pod_is_in_it(
    scene: Scene,
    ours: bool,  # noqa: FBT001
) -> None:
    path, unit = unit_of_the_test(scene)
    init = scene.start(
        "sleep", "100", env={"container_uuid": scene.uuid if ours else str(uuid.uuid4())}
    )
    try:
        with open(f"{unit}/payload/init.scope/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(init.pid))
        assert scene.remove(subcgroup=path, record="")
        assert (init.poll() is None) is not ours
        # systemd's, which would leave the rest to itself if somebody removed a part meanwhile.
        assert os.path.isdir(f"{unit}/payload/init.scope")
    finally:
        init.kill()
        init.wait()
        for folder in ("/payload/init.scope", "/payload", ""):
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(unit + folder)


@pytest.mark.parametrize(
    ("controller", "amount", "files"),
    [
        ("memory", 64 << 20, {"memory.limit_in_bytes": "67108864", "memory.max": "67108864"}),
        ("cpu", 250, {"cpu.cfs_quota_us": "25000", "cpu.max": "25000 100000"}),
    ],
)
def test_limits_reach_the_kernel(
    scene: Scene, controller: str, amount: int, files: dict[str, str]
) -> None:
    cgroup.create(scene.pod)
    try:
        cgroup.limit(scene.pod, controller, amount)
    except cgroup.CgroupError as error:
        pytest.skip(f"{error}: {error.__cause__}")
    found = {}
    for place in scene.pod.places:
        for file in files:
            with contextlib.suppress(FileNotFoundError), open(f"{place.directory}/{file}") as text:
                found[file] = text.read().strip()
    assert found
    assert found.items() <= files.items()


def test_a_limit_nobody_can_set_is_an_error(scene: Scene) -> None:
    cgroup.create(scene.pod)
    with pytest.raises(cgroup.CgroupError, match="cannot limit abacus"):
        cgroup.limit(scene.pod, "abacus", 1)


def test_a_move_that_was_foreseen_does_not_bring_the_process_back(
    scene: Scene, tmp_path: Path
) -> None:
    slow = threading.Event()

    def move() -> None:  # to where the process was when it looked
        slow.wait()
        cgroup.leave(scene.pod, os.getpid())

    foreseen = Foreseen(move)
    nowhere = Placement(NONE, "/", "")
    with Placing(scene.uuid, PodTree(str(tmp_path)), nowhere, foreseen) as placing:
        time.sleep(0.1)  # long enough for a join that does not wait
        slow.set()
        foreseen.wait()
        placing.settle()
        inside = membership()

    outside = [p.key for p in scene.pod.places if not inside[p.key].startswith(p.path)]
    assert outside == []
