"""``--private-users``: root in the pod is somebody else on the host; files keep their owners."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.rk import until
from tests.support.command import run as command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.run.rk import Rktpy

OPTION = "--private-users"
COUNT = 65536


def range_of(rkt: Rktpy, uuid: str, phase: str = "run") -> tuple[int, int]:
    """Return what the pod keeps of its range: first id and number."""
    text = (rkt.data / "pods" / phase / uuid / "private-users-prepared").read_text()
    first, _, count = text.partition(":")
    return int(first), int(count)


def user_of(pid: int) -> int:
    """Return the user a process runs as, seen from here."""
    return Path(f"/proc/{pid}").stat().st_uid


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(d for child in children for d in descendants(int(child)))]


@pytest.mark.parametrize("overlay", ["--no-overlay=false", "--no-overlay"])
def test_root_in_the_pod_is_nobody_on_the_host(rkt: Rktpy, overlay: str) -> None:
    with rkt.start("run", OPTION, overlay, SHELL, "--user=5", "--", "id; sleep 1000") as pod:
        uuid = pod.ready()
        first, count = range_of(rkt, uuid)
        _nspawn, *inside = descendants(int(rkt.status(uuid)["pid"]))
        users = {user_of(pid) for pid in inside}
        rkt.ok("stop", uuid)
        done = pod.end()

    assert count == COUNT
    assert users == {first, first + 5}  # the pod's systemd and journald, and the app
    assert done.lines() == ["uid=5 gid=0(root)"]


@pytest.mark.parametrize("overlay", ["--no-overlay=false", "--no-overlay"])
def test_files_keep_their_owners_on_disk_and_in_the_pod(rkt: Rktpy, overlay: str) -> None:
    trees = {path: owners(path) for path in rkt.data.glob("cas/tree/*/rootfs")}
    script = "stat -c '%n %u:%g %a' / /etc/passwd /tmp; touch /new; mkdir -p /a/b; chmod 600 /new"

    done = rkt.run(OPTION, overlay, SHELL, "--", script)

    assert done.lines() == ["/ 0:0 755", "/etc/passwd 0:0 644", "/tmp 0:0 1777"]
    assert done.status == 0
    (new,) = rkt.data.glob("pods/run/*/**/new")
    assert owners(new.parent) == {0}
    assert trees == {path: owners(path) for path in rkt.data.glob("cas/tree/*/rootfs")}


def owners(tree: Path) -> set[int]:
    """Return the users and groups that own something in ``tree``, on disk."""
    found = {number for status in [tree.lstat()] for number in (status.st_uid, status.st_gid)}
    for path in tree.rglob("*"):
        found |= {path.lstat().st_uid, path.lstat().st_gid}
    return found


@pytest.mark.parametrize("overlay", ["--no-overlay=false", "--no-overlay"])
@pytest.mark.parametrize(
    ("options", "uid", "gid"),
    [
        ((), 0, 0),
        (("--user=200", "--group=300"), 200, 300),
        (("--user=user1", "--group=group1"), 1000, 100),
        (("--user=/inspect", "--group=/inspect"), 0, 0),
    ],
)
def test_user_and_group_are_those_of_the_image(
    rkt: Rktpy, overlay: str, options: tuple[str, ...], uid: int, gid: int
) -> None:
    done = rkt.run(OPTION, overlay, INSPECT, *options, "--", "--print-user")

    assert done.lines() == [f"User: uid={uid} euid={uid} gid={gid} egid={gid}"]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--user=65536", "uid 65536 or gid 0 are out of range 65536"),
        ("--supplementary-gids=70000", "supplementary gid 70000 is out of range 65536"),
        (
            "--volume=data,kind=empty,gid=70000",
            'uid 0 or gid 70000 of volume "data" are out of range 65536',
        ),
    ],
)
def test_an_id_the_pod_does_not_have_is_refused(rkt: Rktpy, option: str, text: str) -> None:
    mount = ["--mount=volume=data,target=/data"] if option.startswith("--volume") else []

    done = rkt.run(OPTION, SHELL, option, *mount, "--", "id")

    assert (done.status, done.out) == (254, "")
    assert text in done.err
    assert rkt.pods() == []


def test_status_and_logs_are_as_ever(rkt: Rktpy) -> None:
    with rkt.start("run", OPTION, SHELL, "--", "echo hello; exit 7") as pod:
        uuid = pod.uuid
        done = pod.end()

    assert (done.status, done.lines()) == (7, ["hello"])
    assert rkt.status(uuid)["app-shell"] == "7"
    assert rkt.ok("logs", uuid) == "hello\n"


def test_enter_is_root_of_the_pod_and_not_of_the_host(rkt: Rktpy) -> None:
    with rkt.start("run", OPTION, SHELL, "--", "echo up; sleep 1000") as pod:
        uuid = pod.ready()
        first, _ = range_of(rkt, uuid)
        script = "id -u; cat /proc/self/uid_map; touch /entered; stat -c %u /entered; exit 5"
        done = rkt("enter", uuid, "/bin/sh", "-c", script)

    assert done.status == 5, done
    assert [line.split() for line in done.out.splitlines()] == [
        ["0"],
        ["0", str(first), str(COUNT)],
        ["0"],
    ]


def test_an_app_that_has_ended_can_be_entered_as_well(rkt: Rktpy) -> None:
    apps = (SHELL, "--name=short", "--", "true", "---", SHELL, "--name=long", "--", "sleep 1000")

    with rkt.start("run", OPTION, *apps, "---") as pod:
        uuid = pod.ready()
        status = f"pods/run/{uuid}/overlay/*/upper/rkt/status/short"
        until(lambda: list(rkt.data.glob(status)), "status of the short app")
        script = "id -u; echo x >/dev/null; readlink /proc/self/root; touch /new; stat -c %u /new"
        done = rkt("enter", "--app=short", uuid, "/bin/sh", "-c", script)

    assert (done.status, done.out.split()) == (0, ["0", "/", "0"]), done


def test_a_prepared_pod_keeps_its_range(rkt: Rktpy) -> None:
    uuid = rkt.prepare(OPTION, SHELL, "--", "cat /proc/self/uid_map")
    first, count = range_of(rkt, uuid, "prepared")

    done = rkt("run-prepared", "--net=none", uuid)

    assert [line.split() for line in done.lines()] == [["0", str(first), str(count)]]
    assert range_of(rkt, uuid) == (first, count)


def test_ranges_are_apart_and_given_back(rkt: Rktpy) -> None:
    uuids = [rkt.prepare(OPTION, SHELL, "--", "true") for _ in range(3)]
    links = {path.name: os.readlink(path) for path in (rkt.data / "locks/private-users").iterdir()}

    assert links == {str(range_of(rkt, uuid, "prepared")[0]): uuid for uuid in uuids}

    rkt.ok("rm", uuids[0])
    assert set(taken(rkt)) == set(uuids[1:])
    rkt.collect()
    assert taken(rkt) == []


def taken(rkt: Rktpy) -> list[str]:
    return [os.readlink(path) for path in (rkt.data / "locks/private-users").iterdir()]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory of the host that belongs to user 1000, with a file of user 0 in it."""
    directory = tmp_path / "host"
    directory.mkdir()
    (directory / "roots").write_text("root's\n")
    os.chown(directory, 1000, 100)
    return directory


VOLUME_SCRIPT = "stat -c '%n %u:%g' /data /data/roots; umask 77; echo mine >/data/mine"


def test_files_of_a_host_volume_keep_their_owners(rkt: Rktpy, host: Path) -> None:
    done = rkt.run(
        *(OPTION, f"--volume=data,kind=host,source={host}", "--mount=volume=data,target=/data"),
        *(SHELL, "--user=user1", "--group=100", "--", VOLUME_SCRIPT),
    )

    assert (done.status, done.lines()) == (0, ["/data 1000:100", "/data/roots 0:0"])
    mine = (host / "mine").stat()
    assert (mine.st_uid, mine.st_gid) == (1000, 100)


def test_root_of_the_pod_may_do_in_a_volume_what_root_may(rkt: Rktpy, host: Path) -> None:
    (host / "roots").chmod(0o600)
    volume = f"--volume=data,kind=host,source={host}/roots"  # a file, mounted on a new one

    script = "cat /new/place; stat -c %u:%g /new"
    done = rkt.run(OPTION, volume, "--mount=volume=data,target=/new/place", SHELL, "--", script)

    assert done.lines() == ["root's", "0:0"]


@pytest.fixture
def nested(host: Path) -> Iterator[Path]:
    """The same with another file system below it, and a second one below that."""
    for path in ("sub", "sub/sub"):
        (host / path).mkdir()
        command(["mount", "-t", "tmpfs", "tmpfs", str(host / path)])
        (host / path / "file").write_text("inner")
        os.chown(host / path / "file", 1000, 1000)
    yield host
    command(["umount", "--recursive", str(host / "sub")])


def test_mounts_below_a_volume_are_mapped_as_well(rkt: Rktpy, nested: Path) -> None:
    done = rkt.run(
        *(OPTION, f"--volume=data,kind=host,source={nested}", "--mount=volume=data,target=/data"),
        *(SHELL, "--", "stat -c %u /data/sub/file /data/sub/sub/file; echo x >/data/sub/new"),
    )

    assert (done.status, done.lines()) == (0, ["1000", "1000"])
    assert (nested / "sub/new").stat().st_uid == 0


def test_a_volume_that_is_not_recursive_hides_them(rkt: Rktpy, nested: Path) -> None:
    volume = f"--volume=data,kind=host,source={nested},recursive=false"

    done = rkt.run(
        OPTION, volume, "--mount=volume=data,target=/data", SHELL, "--", "ls /data/sub | cat"
    )

    assert (done.status, done.lines()) == (0, [])


def test_a_read_only_volume_is_read_only_all_the_way_down(rkt: Rktpy, nested: Path) -> None:
    volume = f"--volume=data,kind=host,source={nested},readOnly=true"
    script = "for d in /data /data/sub /data/sub/sub; do touch $d/new; done; exit 0"

    done = rkt.run(OPTION, volume, "--mount=volume=data,target=/data", SHELL, "--", script)

    assert done.lines() == [
        f"touch: {directory}/new: Read-only file system"
        for directory in ("/data", "/data/sub", "/data/sub/sub")
    ]


@pytest.mark.parametrize("outer", ["kind=empty", "kind=host,source={}/host"])
@pytest.mark.parametrize("option", ["", OPTION])
def test_a_volume_inside_another_shows_whatever_their_order(
    rkt: Rktpy, host: Path, outer: str, option: str
) -> None:
    done = rkt.run(
        *filter(None, [option]),
        f"--volume=inner,kind=host,source={host}",
        f"--volume=outer,{outer.format(host.parent)}",
        *("--mount=volume=inner,target=/data/new/sub", "--mount=volume=outer,target=/data"),
        *(SHELL, "--", "cat /data/new/sub/roots; touch /data/new/file"),
    )

    assert (done.status, done.lines()) == (0, ["root's"])


def test_a_volume_that_cannot_be_mapped_is_told(rkt: Rktpy) -> None:
    done = rkt.run(
        *(OPTION, "--volume=sys,kind=host,source=/proc/sys", "--mount=volume=sys,target=/hostsys"),
        *(SHELL, "--", "stat -c %u /hostsys; cat /hostsys/kernel/ostype"),
    )

    assert done.lines() == ["65534", "Linux"]
    assert 'warning: owners in "/proc/sys" are not mapped' in done.err


def test_a_missing_volume_is_told_as_ever(rkt: Rktpy) -> None:
    volume = "--volume=data,kind=host,source=/no/such/place"

    done = rkt.run(OPTION, volume, "--mount=volume=data,target=/data", SHELL, "--", "true")

    assert done.status == 1
    assert "Failed to stat /no/such/place: No such file or directory" in done.err


def test_empty_volumes_belong_to_whom_they_are_asked_for(rkt: Rktpy) -> None:
    volume = "--volume=data,kind=empty,mode=0750,uid=1000,gid=100"
    script = "stat -c '%u:%g %a' /data; echo mine >/data/mine; sleep 1000"
    app = (SHELL, "--user=1000", "--", script)

    with rkt.start("run", OPTION, volume, "--mount=volume=data,target=/data", *app) as pod:
        uuid = pod.ready()
        directory = rkt.data / "pods/run" / uuid / "sharedVolumes/data"
        pod.says("1000:100 750")
        on_disk = directory.stat()

    assert (on_disk.st_uid, on_disk.st_gid) == (1000, 100)


@pytest.mark.parametrize("overlay", ["--no-overlay=false", "--no-overlay"])
def test_a_read_only_root_is_read_only(rkt: Rktpy, overlay: str) -> None:
    volume = ("--volume=data,kind=empty", "--mount=volume=data,target=/data")
    script = "touch /new; touch /data/new && ls /data"

    done = rkt.run(OPTION, overlay, *volume, SHELL, "--readonly-rootfs=true", "--", script)

    assert done.lines() == ["touch: /new: Read-only file system", "new"]


def test_devices_work_and_no_others_can_be_made(rkt: Rktpy) -> None:
    script = (
        "echo x >/dev/null && /bin/busybox head -c 4 /dev/zero | /bin/busybox wc -c;"
        " stat -c %F /dev/net/tun; mknod /sda b 8 0; mknod /null c 1 3; echo x >/dev/full"
    )

    done = rkt.run(OPTION, SHELL, "--", script)

    assert done.lines() == [
        "4",
        "character special file",
        "mknod: /sda: Operation not permitted",
        "mknod: /null: Operation not permitted",
        "sh: write error: No space left on device",
    ]


def test_a_device_given_as_a_volume_is_as_open_as_on_the_host(rkt: Rktpy, tmp_path: Path) -> None:
    node = tmp_path / "node"
    os.mknod(node, stat.S_IFCHR | 0o600, os.makedev(1, 7))
    volume = (f"--volume=dev,kind=host,source={node}", "--mount=volume=dev,target=/dev/mine")
    script = "stat -c '%t:%T %u:%g %a' /dev/mine; echo x >/dev/mine"

    root = rkt.run(OPTION, *volume, SHELL, "--", script)
    other = rkt.run(OPTION, *volume, SHELL, "--user=5", "--", script)

    assert root.lines() == ["1:7 0:0 600", "sh: write error: No space left on device"]
    assert other.lines() == ["1:7 0:0 600", "/bin/sh: can't create /dev/mine: Permission denied"]
    assert node.stat().st_uid == 0


def test_root_of_the_pod_may_listen_on_low_ports_of_its_own_network(rkt: Rktpy) -> None:
    done = rkt.run(OPTION, SHELL, "--", "/bin/busybox httpd -p 127.0.0.1:80 && echo listening")

    assert (done.status, done.lines()) == (0, ["listening"])


def test_files_of_the_pod_belong_to_its_root(rkt: Rktpy) -> None:
    files = "/etc/hosts /etc/resolv.conf /etc/mtab /dev/log"

    done = rkt.run(OPTION, "--dns=10.0.0.1", SHELL, "--", f"stat -c '%n %u' {files}")

    assert done.lines() == [f"{name} 0" for name in files.split()]


def test_all_that_is_written_for_a_pod_belongs_to_its_root(rkt: Rktpy) -> None:
    """Also what is beside the trees: who has no number in the pod is nobody there."""
    with rkt.start("run", OPTION, SHELL, "--memory=32Mi", "--", "sleep 300") as pod:
        top = rkt.data / "pods/run" / pod.ready() / "overlay"
        users = {path.lstat().st_uid for path in top.glob("*/upper/**/*")}
        rkt.ok("stop", pod.uuid)

    assert users == {0}
