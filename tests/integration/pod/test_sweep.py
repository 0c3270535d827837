"""gc and rm against each other, against death at every step, and against what pods left around."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host import syscalls
from rktpy.layout import Layout
from rktpy.pod import sweep
from rktpy.pod.lifecycle import Pod, PodGoneError, create, make_phase_dirs, open_pod
from rktpy.pod.names import new_uuid
from rktpy.pod.phase import ALL_PHASES, Phase
from rktpy.verbs.gc import GcRequest, collect
from rktpy.verbs.rm import remove_pods
from rktpy.verbs.site import Site
from tests.support.pods import a_pod, phases_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOUR = 3600 * 10**9
EVERYTHING = GcRequest(grace_period=0, expire_prepared=0)
STEPS = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "open", "os.scandir",
         "fcntl.flock")  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Site:
    make_phase_dirs(Layout(f"{tmp_path}/data"))
    return Site(data_dir=f"{tmp_path}/data")


def gc(site: Site, request: GcRequest = EVERYTHING) -> list[tuple[str, str]]:
    return [(event.kind, event.uuid) for event in collect(site, request)]


def rm(site: Site, *texts: str) -> list[tuple[str, str]]:
    return [(event.kind, event.uuid) for event in remove_pods(site, texts)]


def in_child(work: Callable[[], object]) -> int:
    """Fork a process that does ``work``; it ends with 0, or 1 after an exception."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def ends_well(child: int) -> bool:
    return os.waitpid(child, 0)[1] == 0


def die_at(step: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a child that is killed right before its ``step``-th change or look at the
    disk; return whether it got to the end before that.
    """

    def traced() -> None:
        left = step

        def count(event: str, _args: tuple[object, ...]) -> None:
            nonlocal left
            if event in STEPS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work()

    return ends_well(in_child(traced))


def test_gc_takes_every_state_to_its_end(site: Site) -> None:
    for phase in ALL_PHASES:
        if phase != Phase.EMBRYO:
            a_pod(site.layout, phase)
    os.mkdir(f"{site.layout.pods}/embryo/{new_uuid()}")

    gc(site)

    assert phases_of(site.layout) == {}


def test_marking_only_moves(site: Site) -> None:
    exited, aborted = a_pod(site.layout), a_pod(site.layout, Phase.PREPARE)
    prepared, embryo = a_pod(site.layout, Phase.PREPARED), new_uuid()
    os.mkdir(f"{site.layout.pods}/embryo/{embryo}")

    events = gc(site, EVERYTHING.replace(mark_only=True))

    assert events == [("moved-exited", exited), ("moved-aborted", aborted)]
    assert phases_of(site.layout) == {
        "embryo": [embryo],
        "exited-garbage": [exited],
        "garbage": [aborted],
        "prepared": [prepared],
    }


def test_a_pod_waits_a_whole_grace_period_after_the_mark(site: Site) -> None:
    uuid = a_pod(site.layout)
    os.utime(site.layout.pod(Phase.RUN, uuid).root, (0, 0))  # it exited in 1970

    assert gc(site, GcRequest(HOUR, HOUR)) == [("moved-exited", uuid), ("within-grace", uuid)]
    assert gc(site, GcRequest(HOUR, HOUR)) == [("within-grace", uuid)]
    assert gc(site) == [("collecting", uuid)]


def test_prepared_pods_expire(site: Site) -> None:
    uuid = a_pod(site.layout, Phase.PREPARED)

    assert gc(site, GcRequest(0, HOUR)) == []
    assert gc(site) == [("moved-expired", uuid), ("collecting", uuid)]


def test_running_and_preparing_pods_are_left_alone(site: Site) -> None:
    running = open_pod(site.layout, a_pod(site.layout))
    running.acquire(wait=False)
    with running, create(site.layout) as preparing:
        assert gc(site) == []
        events = list(remove_pods(site, [running.uuid, preparing.uuid]))

    assert [str(event.error) for event in events] == [
        f'pod "{running.uuid}" is currently running',
        f'pod "{preparing.uuid}" is currently being prepared',
    ]


def test_rm_deletes_what_it_is_told_and_nothing_else(site: Site) -> None:
    doomed = [a_pod(site.layout, phase) for phase in (Phase.RUN, Phase.PREPARED, Phase.PREPARE)]
    doomed.append(a_pod(site.layout, Phase.EXITED_GARBAGE))
    kept = a_pod(site.layout)

    events = rm(site, *doomed)

    assert [event for event in events if event[0] == "removed"] == [("removed", u) for u in doomed]
    assert phases_of(site.layout) == {"run": [kept]}


def test_rm_goes_on_after_a_failure_and_counts_a_pod_once(site: Site) -> None:
    uuid = a_pod(site.layout)

    assert rm(site, "", "nope", uuid, uuid[:8]) == [
        ("failed", ""),
        ("failed", "nope"),
        ("removed", uuid),
    ]


def test_a_pod_that_was_not_marked_is_not_deleted(site: Site) -> None:
    uuid = a_pod(site.layout)

    with pytest.raises(sweep.NotGarbageError, match="non-garbage pod"):
        sweep.delete(open_pod(site.layout, uuid), ())


def test_many_collectors_at_once_leave_nothing_and_fail_nowhere(site: Site) -> None:
    uuids = [a_pod(site.layout, units=20) for _ in range(30)]

    def no_failures(events: list[tuple[str, str]]) -> None:
        assert "failed" not in {kind for kind, _ in events}

    children = [in_child(lambda: no_failures(gc(site))) for _ in range(4)]
    children.append(in_child(lambda: rm(site, *uuids)))

    assert [ends_well(child) for child in children] == [True] * 5
    assert phases_of(site.layout) == {}


def test_pods_are_created_while_embryos_are_collected(site: Site) -> None:
    def collect_embryos() -> None:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            sweep.sweep_embryos(site.layout)

    def create_some() -> None:
        for _ in range(200):
            with create(site.layout) as pod:
                pod.move(Phase.RUN)

    children = [in_child(collect_embryos), in_child(create_some), in_child(create_some)]

    assert all(map(ends_well, children))
    assert {phase: len(names) for phase, names in phases_of(site.layout).items()} == {"run": 400}


def test_of_gc_and_the_start_of_a_prepared_pod_one_wins(site: Site) -> None:
    def start(uuid: str) -> None:
        try:
            with open_pod(site.layout, uuid) as pod:
                pod.acquire(wait=False)
                pod.move(Phase.RUN)
        except PodGoneError:
            os._exit(3)

    for _ in range(20):
        uuid = a_pod(site.layout, Phase.PREPARED, units=0)
        starter = in_child(lambda uuid=uuid: start(uuid))  # type: ignore[misc]
        gc(site, GcRequest(HOUR, 0))
        status = os.waitstatus_to_exitcode(os.waitpid(starter, 0)[1])
        found = phases_of(site.layout)
        assert found in ({"run": [uuid]}, {"exited-garbage": [uuid]}, {})
        assert status in ((0,) if found else (1, 3))
        gc(site)


@pytest.mark.parametrize("phase", [Phase.RUN, Phase.PREPARE, Phase.PREPARED])
def test_gc_killed_at_any_step_is_finished_by_the_next(site: Site, phase: str) -> None:
    for step in range(500):
        uuid = a_pod(site.layout, phase)
        done = die_at(step, lambda: gc(site))
        _check_order(site.layout, uuid)
        gc(site)
        assert phases_of(site.layout) == {}
        if done:
            break

    assert done
    assert step > 20


def _check_order(layout: Layout, uuid: str) -> None:
    """A pod keeps its manifest to the last, and its other files while it has a root."""
    for phase in ALL_PHASES:
        root = Path(layout.pod(phase, uuid).root)
        names = set(os.listdir(root)) if root.exists() else set()
        assert not names or "pod" in names
        if (root / "stage1/rootfs").exists() or "overlay" in names:
            assert names >= {"pod-created", "overlay-prepared", "stage1TreeStoreID"}


def test_creation_killed_at_any_step_is_collected(site: Site) -> None:
    def start() -> None:
        with create(site.layout) as pod:
            pod.move(Phase.RUN)

    for step in range(50):
        done = die_at(step, start)
        gc(site)
        assert phases_of(site.layout) == {}
        if done:
            break

    assert done
    assert step >= 3


def test_killing_gc_ends_its_copies_and_the_next_one_finishes(site: Site) -> None:
    for _ in range(60):
        a_pod(site.layout, units=40)
    child = in_child(lambda: gc(site))
    copies: list[str] = []
    while len(copies) < 3:
        copies = Path(f"/proc/{child}/task/{child}/children").read_text().split()
    while len(phases_of(site.layout)["exited-garbage"]) > 50:
        time.sleep(0.001)  # until all of them are at work
    for pid in copies:
        os.kill(int(pid), signal.SIGSTOP)  # a stopped process cannot end by having finished
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in copies) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(_alive(pid) for pid in copies)
    gc(site)
    assert phases_of(site.layout) == {}


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_deleting_waits_for_who_holds_the_pod(site: Site, tmp_path: Path) -> None:
    uuid = a_pod(site.layout, Phase.EXITED_GARBAGE)
    child = in_child(lambda: _when((tmp_path / "held").exists, lambda: gc(site)))
    with open_pod(site.layout, uuid) as holder:  # after the fork: a copy of the lock would hold too
        holder.acquire(wait=False)
        (tmp_path / "held").touch()
        time.sleep(0.2)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        assert open_pod(site.layout, uuid).state() == "exited deleting"

    assert ends_well(child)
    assert phases_of(site.layout) == {}


def _when(condition: Callable[[], bool], work: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.005)
    work()


def test_a_volume_still_mounted_below_a_pod_is_detached_and_keeps_its_content(
    site: Site, tmp_path: Path
) -> None:
    uuid = a_pod(site.layout)
    (tmp_path / "volume/sub").mkdir(parents=True)
    (tmp_path / "volume/precious").write_text("x")
    target = Path(site.layout.pod(Phase.RUN, uuid).stage1_rootfs) / "a b/vol"
    target.mkdir(parents=True)
    syscalls.mount("tmpfs", f"{tmp_path}/volume/sub", "tmpfs", 0)
    syscalls.mount(f"{tmp_path}/volume", str(target), "", syscalls.MS_BIND | syscalls.MS_REC)
    (tmp_path / "volume/sub/inner").write_text("x")

    assert gc(site) == [("moved-exited", uuid), ("collecting", uuid)]

    assert phases_of(site.layout) == {}
    assert (tmp_path / "volume/precious").read_text() == "x"
    assert (tmp_path / "volume/sub/inner").read_text() == "x"
    syscalls.umount2(f"{tmp_path}/volume/sub", 0)


def test_detaching_a_copy_of_a_shared_mount_leaves_the_original(site: Site, tmp_path: Path) -> None:
    uuid = a_pod(site.layout)
    source = tmp_path / "shared"
    source.mkdir()
    syscalls.mount("tmpfs", str(source), "tmpfs", 0)
    syscalls.mount("", str(source), "", syscalls.MS_SHARED)
    (source / "sub").mkdir()
    syscalls.mount("tmpfs", f"{source}/sub", "tmpfs", 0)
    target = Path(site.layout.pod(Phase.RUN, uuid).stage1_rootfs) / "vol"
    target.mkdir()
    syscalls.mount(str(source), str(target), "", syscalls.MS_BIND | syscalls.MS_REC)
    try:
        gc(site)
        assert phases_of(site.layout) == {}
        assert os.path.ismount(f"{source}/sub")
    finally:
        syscalls.umount2(str(source), syscalls.MNT_DETACH)


def test_a_mount_that_nobody_saw_stops_the_deletion(site: Site, tmp_path: Path) -> None:
    """The last fence: even a bind mount of the same file system is not walked into."""
    uuid = a_pod(site.layout, Phase.EXITED_GARBAGE)
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume/precious").write_text("x")
    target = Path(site.layout.pod(Phase.EXITED_GARBAGE, uuid).stage1_rootfs) / "vol"
    target.mkdir()
    syscalls.mount(f"{tmp_path}/volume", str(target), "", syscalls.MS_BIND)
    try:
        with pytest.raises(sweep.RemoveError, match="unable to remove pod rootfs"):
            sweep.delete(Pod(site.layout, Phase.EXITED_GARBAGE, uuid), ())
        assert (tmp_path / "volume/precious").read_text() == "x"
        assert Path(site.layout.pod(Phase.EXITED_GARBAGE, uuid).manifest).exists()
    finally:
        syscalls.umount2(str(target), 0)

    assert gc(site) == [("collecting", uuid)]


def test_files_that_an_app_made_immutable_are_deleted(site: Site) -> None:
    uuid = a_pod(site.layout)
    rootfs = Path(site.layout.pod(Phase.RUN, uuid).stage1_rootfs)
    (rootfs / "dir").mkdir()
    (rootfs / "dir/file").write_text("x")
    for path in (rootfs / "dir/file", rootfs / "dir"):
        if subprocess.run(["chattr", "+i", path], check=False).returncode:
            pytest.skip("this file system has no immutable files")

    gc(site)

    assert phases_of(site.layout) == {}


@pytest.fixture
def journals() -> Iterator[Path]:
    """An empty /var/log/journal."""
    syscalls.mount("tmpfs", "/var/log", "tmpfs", 0)
    directory = Path("/var/log/journal")
    directory.mkdir()
    yield directory
    syscalls.umount2("/var/log", 0)


def link_journal(site: Site, uuid: str, journals: Path) -> Path:
    """Link the journal of an exited pod as nspawn does; return the link."""
    link = journals / uuid.replace("-", "")
    link.symlink_to(f"{site.layout.pod(Phase.RUN, uuid).stage1_rootfs}/var/log/journal/{link.name}")
    return link


def test_the_link_to_its_journal_follows_a_pod_that_is_marked(site: Site, journals: Path) -> None:
    uuid = a_pod(site.layout)
    link = link_journal(site, uuid, journals)

    gc(site, EVERYTHING.replace(mark_only=True))

    marked = site.layout.pod(Phase.EXITED_GARBAGE, uuid)
    assert os.readlink(link) == f"{marked.stage1_rootfs}/var/log/journal/{link.name}"


def test_marking_killed_at_any_step_leaves_a_link_that_the_next_gc_finds(
    site: Site, journals: Path
) -> None:
    within_grace = EVERYTHING.replace(grace_period=HOUR)
    for step in range(100):
        uuid = a_pod(site.layout)
        link = link_journal(site, uuid, journals)
        done = die_at(step, lambda: gc(site, EVERYTHING.replace(mark_only=True)))
        gc(site, within_grace)
        assert f"/{Phase.EXITED_GARBAGE}/" in os.readlink(link)
        gc(site)
        assert os.listdir(journals) == []
        if done:
            break

    assert done


def test_a_journal_that_was_copied_is_left_alone(site: Site, journals: Path) -> None:
    kept = journals / a_pod(site.layout).replace("-", "")
    kept.mkdir()

    gc(site)

    assert os.listdir(journals) == [kept.name]


def test_network_namespace_and_journal_link_go_with_the_pod(site: Site, journals: Path) -> None:
    uuid = a_pod(site.layout)
    tree = site.layout.pod(Phase.RUN, uuid)
    netns = Path(f"/run/netns/cni-{uuid}")
    netns.parent.mkdir(parents=True, exist_ok=True)
    netns.touch()
    syscalls.mount("/proc/self/ns/net", str(netns), "", syscalls.MS_BIND)
    Path(tree.netns).write_text(f"/var/run/netns/cni-{uuid}")
    link_journal(site, uuid, journals)

    gc(site)

    assert os.listdir("/run/netns") == []
    assert os.listdir(journals) == []


def test_a_network_namespace_of_somebody_else_is_not_touched(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "precious"
    other.write_text("x")
    uuid = a_pod(site.layout)
    Path(site.layout.pod(Phase.RUN, uuid).netns).write_text(str(other))

    gc(site)

    assert other.read_text() == "x"


def test_listing_and_deleting_do_not_disturb_each_other(site: Site) -> None:
    from rktpy.verbs.list import list_pods

    for _ in range(40):
        a_pod(site.layout)
    child = in_child(lambda: gc(site))
    problems: list[str] = []
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        for _pod, record in list_pods(site, odd=problems.append):
            problems += [str(problem) for problem in record.problems]

    assert problems == []


def test_a_reader_does_not_keep_anybody_from_starting_a_pod(site: Site) -> None:
    uuid = a_pod(site.layout, Phase.PREPARED)
    fd = os.open(open_pod(site.layout, uuid).path, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    child = in_child(lambda: time.sleep(0.1))
    os.close(fd)  # the child still has it, for a tenth of a second

    with open_pod(site.layout, uuid) as pod:
        pod.acquire(wait=False)

    assert ends_well(child)
