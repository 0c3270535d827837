"""Volumes: from the host, empty, read-only, devices, onto links; what stays writable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL
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
