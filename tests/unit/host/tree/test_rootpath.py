"""Paths below a root: the table of rkt's mount_test, and links that want out."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

import pytest

from rktpy.host.tree import rootpath

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> str:
    """An app's root beside a file that must stay out of reach."""
    (tmp_path / "secret").write_text("outside")
    top = tmp_path / "root"
    for name in ("dir1", "dir2", "etc"):
        (top / name).mkdir(parents=True)
    (top / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    for link, target in {
        "dir1/link_abs_dir2": "/dir2",
        "dir1/link_rel_dir2": "../dir2",
        "dir1/link_abs_dotdot_dir2": "/../../dir2",
        "dir1/link_abs_notexists": "/notexists",
        "dir1/link_abs_root": "/",
        "out": "../secret",
        "far": "../../../../../../../../../../../../../../../../etc",
        "loop": "loop",
        "chain": "dir1/link_rel_dir2/../dir1/link_abs_dir2",
    }.items():
        (top / link).symlink_to(target)
    return str(top)


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/dir1/link_abs_dir2/foo", "/dir2/foo"),
        ("/dir1/link_rel_dir2/bar", "/dir2/bar"),
        ("/dir1/../dir1/.//link_rel_dir2/foo", "/dir2/foo"),
        ("/dir1/../../../foo", "/foo"),
        ("/dir1/link_abs_dotdot_dir2/foo", "/dir2/foo"),
        ("/dir1/../../../newdir/foo", "/newdir/foo"),
        ("/dir1/link_rel_dir2/newdir/foo", "/dir2/newdir/foo"),
        ("/dir1/link_abs_dir2/newdir/foo", "/dir2/newdir/foo"),
        ("/dir1/link_abs_notexists/newdir1/newdir2/foo", "/notexists/newdir1/newdir2/foo"),
        ("/dir1/link_abs_root/newdir1/newdir2/foo", "/newdir1/newdir2/foo"),
        ("../" * 15 + "foo", "/foo"),
        ("dir1", "/dir1"),
        ("", "/"),
        ("/", "/"),
        ("/new/../../dir1/link_abs_dir2", "/dir2"),
        ("/new/a/b/../../c", "/new/c"),
        ("out", "/secret"),
        ("far/passwd", "/etc/passwd"),
        ("chain", "/dir2"),
    ],
)
def test_links_and_dots_end_inside_the_root(root: str, path: str, resolved: str) -> None:
    assert rootpath.resolve_in_root(root, path) == resolved


@pytest.mark.parametrize(
    ("path", "code"),
    [("loop", errno.ELOOP), ("etc/passwd/x", errno.ENOTDIR), ("a/" * 300, errno.ENAMETOOLONG)],
)
def test_paths_that_lead_nowhere_are_refused(root: str, path: str, code: int) -> None:
    with pytest.raises(OSError, check=lambda error: error.errno == code):
        rootpath.resolve_in_root(root, path)


def test_a_made_directory_lands_behind_the_link_with_its_mode(root: str) -> None:
    before = os.umask(0o077)
    try:
        made = rootpath.make_dir_in_root(root, "/dir1/link_abs_notexists/a/b")
    finally:
        os.umask(before)

    assert made == "/notexists/a/b"
    assert stat.S_IMODE(os.stat(root + "/notexists/a").st_mode) == 0o755


def test_making_a_directory_through_a_link_out_stays_inside(root: str, tmp_path: Path) -> None:
    os.symlink("../escape", root + "/esc")

    assert rootpath.make_dir_in_root(root, "esc/x") == "/escape/x"
    assert os.path.isdir(root + "/escape/x")
    assert not (tmp_path / "escape").exists()


def test_a_made_file_leaves_an_existing_one_alone(root: str) -> None:
    assert rootpath.make_file_in_root(root, "/dir1/link_abs_notexists/n/f") == "/notexists/n/f"
    assert rootpath.make_file_in_root(root, "far/passwd") == "/etc/passwd"
    assert os.stat(root + "/etc/passwd").st_size > 0
    assert stat.S_IMODE(os.stat(root + "/notexists/n/f").st_mode) == 0o644


@pytest.fixture(params=[rootpath.open_in_root, rootpath.open_by_walking])
def opener(request: pytest.FixtureRequest) -> Callable[[str, str, int], int]:
    """Both ways to open: the kernel's and ours."""
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", ["far/passwd", "/etc/passwd", "dir1/../../../etc/passwd"])
def test_both_openers_read_the_file_inside(
    root: str, opener: Callable[[str, str, int], int], path: str
) -> None:
    fd = opener(root, path, os.O_RDONLY)
    try:
        assert os.read(fd, 4) == b"root"
        assert not os.get_inheritable(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("path", "flags", "code"),
    [
        ("out", os.O_RDONLY, errno.ENOENT),
        ("loop", os.O_RDONLY, errno.ELOOP),
        ("far", os.O_RDONLY | os.O_NOFOLLOW, errno.ELOOP),
        ("etc/passwd", os.O_RDONLY | os.O_DIRECTORY, errno.ENOTDIR),
        ("etc/passwd", os.O_PATH | os.O_DIRECTORY, errno.ENOTDIR),
        ("etc/passwd/x", os.O_PATH, errno.ENOTDIR),
        ("nothing", os.O_PATH, errno.ENOENT),
    ],
)
def test_both_openers_refuse_alike(
    root: str, opener: Callable[[str, str, int], int], path: str, flags: int, code: int
) -> None:
    with pytest.raises(OSError, check=lambda error: error.errno == code):
        opener(root, path, flags)


def test_both_openers_can_hold_a_link_itself(
    root: str, opener: Callable[[str, str, int], int]
) -> None:
    fd = opener(root, "dir1/link_abs_dir2", os.O_PATH | os.O_NOFOLLOW)
    try:
        assert os.readlink("", dir_fd=fd) == "/dir2"
    finally:
        os.close(fd)


def test_stat_takes_the_link_or_what_it_names(root: str) -> None:
    assert stat.S_ISLNK(rootpath.stat_in_root(root, "/far", follow=False).st_mode)
    assert stat.S_ISDIR(rootpath.stat_in_root(root, "/far").st_mode)


def test_reading_is_bounded_and_only_for_regular_files(root: str) -> None:
    os.mkfifo(root + "/pipe")
    os.symlink("/proc/self/mem", root + "/mem")

    assert rootpath.read_in_root(root, "etc/passwd", limit=100).startswith(b"root:")
    with pytest.raises(ValueError, match="larger than 5 bytes"):
        rootpath.read_in_root(root, "etc/passwd", limit=5)
    with pytest.raises(ValueError, match="not a regular file"):
        rootpath.read_in_root(root, "pipe", limit=5)
    with pytest.raises(FileNotFoundError):
        rootpath.read_in_root(root, "mem", limit=5)


def test_no_descriptor_is_left_open(root: str) -> None:
    before = len(os.listdir("/proc/self/fd"))
    rootpath.resolve_in_root(root, "chain/a/b")
    rootpath.make_dir_in_root(root, "far/new/x")
    rootpath.make_file_in_root(root, "far/new/y")
    rootpath.read_in_root(root, "far/passwd", limit=100)
    with pytest.raises(OSError, match="Too many levels"):
        rootpath.open_by_walking(root, "loop/x", os.O_PATH)

    assert len(os.listdir("/proc/self/fd")) == before
