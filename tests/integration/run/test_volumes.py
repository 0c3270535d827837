"""Volumes: from the host, empty, read-only, devices, onto links; what stays writable."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL, shell_aci, shell_files
from tests.support import archive
from tests.support.command import run as command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Done, Rktpy

READ_ONLY = 'Cannot write to file "/dir1/file": open /dir1/file: read-only file system'
READ = ("--", "--file-name=/dir1/file", "--read-file")


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory of the host whose ``file`` holds ``host``."""
    (tmp_path / "file").write_text("host")
    return tmp_path


def volume(source: Path, more: str = "") -> str:
    return f"--volume=dir1,kind=host,source={source}{more}"


def writes(rkt: Rktpy, text: str, *options: str) -> Done:
    """Let the inspect program write ``text`` to /dir1/file and read it back."""
    words = ("--", "--file-name=/dir1/file", f"--content={text}", "--write-file", "--read-file")
    return rkt.run(*options, *words)


def test_without_a_volume_the_image_shows(rkt: Rktpy) -> None:
    assert rkt.run(INSPECT, *READ).lines() == ["<<<dir1>>>"]


def test_a_volume_hides_the_image(rkt: Rktpy, host: Path) -> None:
    mount = "--mount=volume=dir1,target=dir1"  # relative means from the root

    assert rkt.run(volume(host), mount, INSPECT, *READ).lines() == ["<<<host>>>"]
    assert rkt.run(volume(host), f"{INSPECT}-rw", *READ).lines() == ["<<<host>>>"]
    assert rkt.run(volume(host), f"{INSPECT}-ro", *READ).lines() == ["<<<host>>>"]


def test_what_the_app_writes_is_on_the_host(rkt: Rktpy, host: Path) -> None:
    done = writes(rkt, "2", volume(host), f"{INSPECT}-rw")

    assert (done.status, done.lines()) == (0, ["<<<2>>>"])
    assert (host / "file").read_text() == "2"


def test_a_read_only_mount_point_cannot_be_written(rkt: Rktpy, host: Path) -> None:
    done = writes(rkt, "3", volume(host), f"{INSPECT}-ro")

    assert (done.status, done.lines()) == (254, [READ_ONLY])


def test_a_read_only_volume_cannot_be_written(rkt: Rktpy, host: Path) -> None:
    done = writes(rkt, "3", volume(host, ",readOnly=true"), f"{INSPECT}-rw")

    assert (done.status, done.lines()) == (254, [READ_ONLY])
    assert (host / "file").read_text() == "host"


def test_a_volume_that_says_it_is_writable_beats_the_mount_point(rkt: Rktpy, host: Path) -> None:
    done = writes(rkt, "4", volume(host, ",readOnly=false"), f"{INSPECT}-ro")

    assert done.lines() == ["<<<4>>>"]


def test_a_mount_point_without_volume_gets_an_empty_one(rkt: Rktpy) -> None:
    done = writes(rkt, "1", f"{INSPECT}-rw")

    assert (done.status, done.lines()) == (0, ["<<<1>>>"])
    assert 'no volume specified for mount point "dir1"' in done.err


@pytest.mark.parametrize("rootfs", ["false", "true"])
def test_an_empty_volume_has_the_owner_and_mode_it_asks_for(rkt: Rktpy, rootfs: str) -> None:
    empty = "--volume=dir1,kind=empty,mode=0123,uid=9991,gid=9992"

    done = rkt.run(
        empty,
        f"{INSPECT}-rw",
        f"--readonly-rootfs={rootfs}",
        *("--", "--file-name=/dir1", "--stat-file"),
    )

    assert done.lines() == [
        "/dir1: mode: d--x-w--wx",
        "/dir1: user: 9991",
        "/dir1: group: 9992",
    ]


@pytest.mark.parametrize("kind", ["host", "empty"])
def test_apps_share_a_volume(rkt: Rktpy, host: Path, kind: str) -> None:
    source = volume(host) if kind == "host" else "--volume=dir1,kind=empty"
    write = ("--name=w", "--", "--file-name=/dir1/new", "--content=1", "--write-file", "---")
    wait = "while ! [ -s /d/new ]; do sleep 0.05; done; cat /d/new"
    read = ("--name=r", "--mount=volume=dir1,target=/d", "--", wait, "---")

    done = rkt.run(source, f"{INSPECT}-rw", *write, SHELL, *read)

    assert (done.status, done.lines("r")) == (0, ["1"])


def test_a_missing_source_is_status_1_and_named(rkt: Rktpy) -> None:
    source = "/this/directory/does/not/exist"
    mount = "--mount=volume=dir1,target=dir1"

    done = rkt.run(f"--volume=dir1,kind=host,source={source}", mount, INSPECT)

    assert done.status == 1
    assert f"Failed to stat {source}: No such file or directory" in done.err


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/dir1/link_abs_dir2/foo", "/dir2/foo"),
        ("/dir1/link_rel_dir2/bar", "/dir2/bar"),
        ("/dir1/../dir1/.//link_rel_dir2/foo", "/dir2/foo"),
        ("/dir1/../../../foo", "/foo"),
        ("/dir1/link_abs_dotdot_dir2/foo", "/dir2/foo"),
        ("/dir1/link_rel_dir2/newdir/foo", "/dir2/newdir/foo"),
        ("/dir1/link_abs_notexists/newdir1/newdir2/foo", "/notexists/newdir1/newdir2/foo"),
        ("/dir1/link_abs_root/newdir1/newdir2/foo", "/newdir1/newdir2/foo"),
        ("/" + "../" * 15 + "foo", "/foo"),
    ],
)
def test_links_of_the_image_lead_nowhere_else(
    rkt: Rktpy, host: Path, target: str, path: str
) -> None:
    done = rkt.run(
        f"--volume=test,kind=host,source={host}/file",
        f"--mount=volume=test,target={target}",
        INSPECT,
        *("--", f"--file-name={path}", "--read-file"),
    )

    assert (done.status, done.lines()) == (0, ["<<<host>>>"])


def test_odd_characters_in_a_source_are_fine(rkt: Rktpy, tmp_path: Path) -> None:
    odd = tmp_path / "a:b\\c d%h$x"
    odd.mkdir()
    (odd / "file").write_text("odd")

    assert rkt.run(volume(odd), f"{INSPECT}-rw", *READ).lines() == ["<<<odd>>>"]


@pytest.mark.parametrize(
    ("options", "content"), [(",recursive=true", "inner"), ("", "inner"), (",recursive=false", "")]
)
def test_mounts_below_a_volume_show_if_it_is_recursive(
    rkt: Rktpy, host: Path, options: str, content: str
) -> None:
    (host / "sub").mkdir()
    (host / "sub/file").write_text("")
    command(["mount", "-t", "tmpfs", "tmpfs", str(host / "sub")])
    (host / "sub/file").write_text("inner")
    try:
        done = rkt.run(
            volume(host, options),
            f"{INSPECT}-rw",
            *("--", "--file-name=/dir1/sub/file", "--read-file"),
        )
    finally:
        command(["umount", str(host / "sub")])

    assert done.lines() == [f"<<<{content}>>>"]


@pytest.mark.parametrize("by", ["volume", "mount point"])
def test_read_only_holds_for_mounts_below_a_volume_as_well(rkt: Rktpy, host: Path, by: str) -> None:
    for path in ("sub", "sub/sub"):
        (host / path).mkdir()
        command(["mount", "-t", "tmpfs", "tmpfs", str(host / path)])
    words = ("--", "--file-name=/dir1/sub/sub/new", "--content=x", "--write-file")
    try:
        if by == "volume":
            done = rkt.run(volume(host, ",readOnly=true"), f"{INSPECT}-rw", *words)
        else:
            done = rkt.run(volume(host), f"{INSPECT}-ro", *words)
        left = list((host / "sub/sub").iterdir())
    finally:
        command(["umount", "--recursive", str(host / "sub")])

    assert done.status == 254
    assert "read-only file system" in done.lines()[-1]
    assert left == []


def test_a_device_of_the_host_can_be_used(rkt: Rktpy) -> None:
    done = rkt.run(
        "--volume=full,kind=host,source=/dev/full",
        "--mount=volume=full,target=/tmp/full",
        SHELL,
        *("--", "stat -c %t:%T /tmp/full; echo x >/tmp/full || echo refused"),
    )

    assert done.lines()[0] == "1:7"
    assert done.lines()[-1] == "refused"


def test_a_read_only_root_leaves_volumes_writable(rkt: Rktpy, host: Path) -> None:
    done = rkt.run(
        volume(host),
        "--mount=volume=dir1,target=/dir1",
        SHELL,
        "--readonly-rootfs=true",
        *("--", "touch /new; echo x >/dir1/new && cat /dir1/new; touch /tmp/new; exit 0"),
    )

    lines = done.lines()
    assert "touch: /new: Read-only file system" in lines
    assert "touch: /tmp/new: Read-only file system" in lines
    assert "x" in lines


def test_a_volume_may_stand_on_kernel_paths(rkt: Rktpy) -> None:
    empty = rkt.run(
        "--volume=sys,kind=empty", "--mount=volume=sys,target=/sys", SHELL, "--", "ls /sys | wc"
    )
    device = rkt.run(
        "--volume=sys,kind=host,source=/dev/null",
        "--mount=volume=sys,target=/sys/class",
        INSPECT,
        *("--", "--file-name=/sys/class", "--stat-file"),
    )

    assert empty.status in (0, 127)
    assert device.lines()[0] == "/sys/class: mode: Dcrw-rw-rw-"


COPY_UP = ("--volume=data,kind=empty,copy-up=true", "--mount=volume=data,target=/data")
LOOK = (
    "cd /data; stat -c '%n %F %a %u:%g %h' . set file twin sub/fifo; readlink link;"
    " cat file; echo new >>file; echo new >own"
)


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """An image with a directory of everything that a copy can get wrong."""
    capability = b"\x01\x00\x00\x02\x00\x04\x00\x00" + bytes(12)  # cap_net_bind_service=ep
    files = shell_files() | {
        "/data": archive.directory(0o750, uid=1000, gid=100),
        "/data/file": archive.file("content\n", 0o640, uid=1000, gid=100),
        "/data/twin": archive.hardlink("rootfs/data/file"),
        "/data/set": archive.file("", 0o4755),
        "/data/link": archive.symlink("/etc/passwd"),
        "/data/sub": archive.directory(0o1777),
        "/data/sub/fifo": archive.fifo(0o600),
        "/data/xattr": replace(
            archive.file("", 0o755),
            pax={
                "SCHILY.xattr.user.note": "kept",
                "SCHILY.xattr.security.capability": capability.decode("utf-8", "surrogateescape"),
            },
        ),
    }
    return shell_aci(tmp_path / "full.aci", "example.com/full", files=files)


@pytest.mark.parametrize("way", ["--no-overlay=false", "--no-overlay", "--private-users"])
def test_a_fresh_volume_starts_as_the_image_has_it(rkt: Rktpy, full: Path, way: str) -> None:
    with rkt.start("run", way, *COPY_UP, full, "--", f"{LOOK}; sleep 1000") as pod:
        uuid = pod.ready()
        pod.says("content")
        made = rkt.data / "pods/run" / uuid / "sharedVolumes/data"
        extended = {
            name: os.getxattr(made / "xattr", name) for name in os.listxattr(made / "xattr")
        }
        owner = (made.stat().st_uid, made.stat().st_gid)
        rkt.ok("stop", uuid)
        done = pod.end()

    assert done.lines() == [
        ". directory 750 1000:100 3",
        "set regular empty file 4755 0:0 1",
        "file regular file 640 1000:100 2",
        "twin regular file 640 1000:100 2",
        "sub/fifo fifo 600 0:0 1",
        "/etc/passwd",
        "content",
    ]
    assert owner == (1000, 100)
    assert extended["user.note"] == b"kept"
    assert "security.capability" in extended


def test_the_image_is_copied_once_and_never_written(rkt: Rktpy, full: Path) -> None:
    write = "echo mine >/data/file; touch /data/done; sleep 1000"
    read = "while ! [ -e /other/done ]; do sleep 0.05; done; cat /other/file"

    first = rkt.run(
        COPY_UP[0],
        *(full, "--name=w", "--mount=volume=data,target=/data", "--", f"{write} &", "---"),
        *(full, "--name=r", "--mount=volume=data,target=/other", "--", read, "---"),
    )
    second = rkt.run(*COPY_UP, full, "--", "cat /data/file")

    assert (first.status, first.lines("r")) == (0, ["mine"])
    assert second.lines() == ["content"]


def test_without_content_in_the_image_the_volume_is_as_it_asks_for(rkt: Rktpy) -> None:
    volume = "--volume=data,kind=empty,copy-up=true,mode=0700,uid=7,gid=8"

    done = rkt.run(volume, COPY_UP[1], SHELL, "--", "stat -c '%a %u:%g' /data")

    assert done.lines() == ["700 7:8"]


def test_copying_up_does_not_follow_links_out_of_the_image(rkt: Rktpy, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("of the host")
    links = {"/data": archive.symlink(str(tmp_path)), "/more/link": archive.symlink(str(tmp_path))}
    aci = shell_aci(tmp_path / "out.aci", "example.com/out", files=shell_files() | links)
    at_link = rkt.run(*COPY_UP, aci, "--", "ls -A /data/ | cat")
    through = ("--mount=volume=data,target=/more", aci, "--", "cat /data/link/private")
    inside = rkt.run(COPY_UP[0], *through)

    assert (at_link.status, at_link.lines()) == (0, [])
    assert inside.status != 0
    assert "of the host" not in inside.out


@pytest.mark.parametrize("way", ["--no-overlay=false", "--private-users"])
def test_copying_up_takes_nothing_of_other_volumes(
    rkt: Rktpy, host: Path, full: Path, way: str
) -> None:
    other = (volume(host), "--mount=volume=dir1,target=/data/sub")

    with rkt.start("run", way, *other, *COPY_UP, full, "--", "sleep 1000") as pod:
        made = rkt.data / "pods/run" / pod.ready() / "sharedVolumes/data"
        copied = [path.name for path in (made / "sub").iterdir()]

    assert copied == ["fifo"]
