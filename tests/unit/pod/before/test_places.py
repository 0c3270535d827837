"""What the links of an image do to the places a pod needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.pod.before.places import (
    KernelDirectoryError,
    PlaceError,
    WorkingDirectoryError,
    check_kernel_directory,
    check_working_directory,
    find_places,
)
from tests.support.systemd_history import FUTURE, SUPPORTED

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "example.com/web"


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    for name in ("proc", "sys", "dev", "etc", "run/systemd", "srv/data"):
        (tmp_path / "rootfs" / name).mkdir(parents=True)
    (tmp_path / "rootfs/etc/hosts").write_text("")
    return tmp_path / "rootfs"


def find(
    rootfs: Path, directory: str = "/proc", file: str = "/etc/hosts", *, taken: tuple[str, ...] = ()
) -> dict[str, str]:
    return find_places(str(rootfs), IMAGE, (directory,), (file,), taken=taken)


def test_what_is_no_link_or_not_there_stays_where_it_is(rootfs: Path) -> None:
    assert find(rootfs) == {}
    assert find(rootfs, "/dev/shm", "/dev/net/tun") == {}


@pytest.mark.parametrize(
    ("target", "end"),
    [
        ("../run/stub.conf", "/run/stub.conf"),
        ("/run/stub.conf", "/run/stub.conf"),
        ("../../../../run/stub.conf", "/run/stub.conf"),
        ("hosts", "/etc/hosts"),
    ],
)
def test_a_link_is_followed_inside_the_image(rootfs: Path, target: str, end: str) -> None:
    (rootfs / "etc/resolv.conf").symlink_to(target)

    assert find(rootfs, file="/etc/resolv.conf") == {"/etc/resolv.conf": end}


def test_a_link_of_a_parent_counts_too(rootfs: Path) -> None:
    (rootfs / "dev").rmdir()
    (rootfs / "dev").symlink_to("srv/data")

    assert find(rootfs, "/dev/pts", "/dev/null") == {
        "/dev/pts": "/srv/data/pts",
        "/dev/null": "/srv/data/null",
    }


@pytest.mark.parametrize(
    ("path", "target", "reason"),
    [
        ("/proc", "srv/data", "is a link"),
        ("/sys", "/srv", "is a link"),
        ("/run/systemd", "../run", "is a link"),
        ("/dev", "dev", "too many levels of symbolic links"),
        ("/dev", "/", "is a link"),
        ("/dev", "etc/hosts", "not a directory"),
    ],
)
def test_links_that_spoil_a_place_are_refused(
    rootfs: Path, path: str, target: str, reason: str
) -> None:
    place = rootfs / path.lstrip("/")
    place.rmdir()
    place.symlink_to(target)
    directory = "/run/systemd/incoming" if path == "/run/systemd" else path

    with pytest.raises(PlaceError, match=f'^cannot mount on "{directory}" of image .*: {reason}$'):
        find(rootfs, directory)


def test_a_directory_is_no_place_for_a_file(rootfs: Path) -> None:
    with pytest.raises(PlaceError, match="is a directory"):
        find(rootfs, file="/etc")


@pytest.mark.parametrize("taken", ["/dev", "/dev/shm", "/"])
def test_below_a_volume_the_image_does_not_count(rootfs: Path, taken: str) -> None:
    (rootfs / "dev/shm").symlink_to("shm")

    assert find(rootfs, "/dev/shm", taken=(taken,)) == {}


@pytest.mark.parametrize("path", ["/", "/srv/data", "/link", "/proc/self", "/run/new", "/vol/x"])
def test_a_working_directory_may_be_in_the_image_or_provided(rootfs: Path, path: str) -> None:
    (rootfs / "link").symlink_to("/vol/inner")

    check_working_directory(str(rootfs), IMAGE, path, taken=("/vol",))


@pytest.mark.parametrize("path", ["/none", "/etc/hosts", "/loop", "/out", "/volume"])
def test_a_working_directory_that_is_not_there_is_refused(rootfs: Path, path: str) -> None:
    (rootfs / "loop").symlink_to("loop")
    os.mkdir(f"{rootfs}/../outside")
    (rootfs / "out").symlink_to("../outside")

    with pytest.raises(WorkingDirectoryError, match=f'has no working directory "{path}"'):
        check_working_directory(str(rootfs), IMAGE, path, taken=("/vol",))


@pytest.mark.parametrize("systemd", [*SUPPORTED, FUTURE])
@pytest.mark.parametrize("path", ["/proc", "/proc/self", "/sys/kernel", "/dev/shm"])
def test_a_working_directory_of_the_kernel_is_refused_where_systemd_would_refuse_the_unit(
    path: str, systemd: int
) -> None:
    if systemd < 256:
        check_kernel_directory(path, systemd)
        return
    with pytest.raises(KernelDirectoryError) as caught:
        check_kernel_directory(path, systemd)

    assert str(caught.value) == (
        f'systemd {systemd} of this host starts no app in working directory "{path}"'
    )
    assert "--working-dir" in str(caught.value.hint)


@pytest.mark.parametrize("path", ["/", "/process", "/run/x", "/srv/dev"])
def test_any_systemd_starts_apps_elsewhere(path: str) -> None:
    check_kernel_directory(path, FUTURE)
