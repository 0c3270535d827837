"""Places that a pod mounts on, which the image has made into links, files and devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.hostile.images import PRIVATE, WAYS, image
from tests.integration.run.images import shell_aci, shell_files
from tests.integration.run.test_bad_input import check_refusal
from tests.support import archive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Done, Rktpy
    from tests.support.images import Content

PLACES = (
    "/dev", "/etc", "/tmp", "/dev/pts", "/dev/shm", "/run/systemd/journal", "/etc/hosts",
    "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/dev/null", "/dev/log", "/dev/ptmx",
    "/dev/console", "/dev/net", "/proc/kcore", "/sys/fs",
)  # fmt: skip
LOOK = "echo ran; cat /etc/hosts /dev/shm/* /tmp/* /run/* /secret 2>/dev/null; exit 7"


def check_contained(done: Done) -> None:
    assert (done.status, done.lines()[:1]) == (7, ["ran"]), done
    assert PRIVATE not in done.out


@pytest.mark.parametrize("to", ["absolute", "relative"])
@pytest.mark.parametrize("place", PLACES)
def test_a_place_of_the_pod_that_is_a_link_stays_in_the_image(
    rkt: Rktpy, tmp_path: Path, host: Path, place: str, to: str
) -> None:
    target = f"{host}/dir" if to == "absolute" else "../" * 20 + f"{str(host)[1:]}/dir"
    aci = image(tmp_path, {place: archive.symlink(target)}, without=place)

    check_contained(rkt.run("--dns=10.0.0.1", aci, "--", LOOK))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", ["/dev", "/etc", "/run", "/tmp"])
def test_a_link_of_the_image_is_no_way_out_in_any_kind_of_pod(
    rkt: Rktpy, tmp_path: Path, host: Path, way: str, place: str
) -> None:
    aci = image(tmp_path, {place: archive.symlink(str(host))}, without=place)

    check_contained(rkt.run(way, "--dns=10.0.0.1", aci, "--", LOOK))


@pytest.mark.parametrize(
    ("place", "content", "reason"),
    [
        ("/proc", archive.symlink("/elsewhere"), '"/proc" of image', ),
        ("/proc", archive.symlink("/proc/self/root/etc"), "too many levels of symbolic links"),
        ("/proc", archive.file("no directory"), "not a directory"),
        ("/proc", archive.fifo(), "not a directory"),
        ("/sys", archive.symlink("../../elsewhere"), "is a link"),
        ("/sys", archive.file(), "not a directory"),
        ("/dev", archive.file(), "not a directory"),
        ("/dev", archive.symlink("dev"), "too many levels of symbolic links"),
        ("/dev/pts", archive.symlink("/"), "is a link"),
        ("/dev/shm", archive.fifo(), "not a directory"),
        ("/dev/null", archive.directory(), "is a directory"),
        ("/run", archive.file(), "not a directory"),
        ("/run", archive.symlink("../../../out"), "is a link"),
        ("/run/systemd", archive.symlink("systemd"), "too many levels of symbolic links"),
        ("/etc", archive.file(), "not a directory"),
        ("/etc", archive.symlink("/etc"), "too many levels of symbolic links"),
        ("/etc/hostname", archive.directory(), "is a directory"),
        ("/etc/resolv.conf", archive.directory(), "is a directory"),
    ],
)  # fmt: skip
def test_a_place_of_the_pod_that_cannot_be_is_refused(
    rkt: Rktpy, tmp_path: Path, place: str, content: Content, reason: str
) -> None:
    aci = image(tmp_path, {place: content}, without=place)

    done = rkt.run("--dns=10.0.0.1", aci)

    check_refusal(done, "cannot mount on", "run")
    assert reason in done.err
    assert rkt.pods() == []


@pytest.mark.parametrize("way", WAYS)
def test_an_image_with_nothing_but_a_program_runs(rkt: Rktpy, tmp_path: Path, way: str) -> None:
    files = {name: what for name, what in shell_files().items() if name.startswith("/bin")}
    aci = shell_aci(tmp_path / "bare.aci", "example.com/bare", files=files)
    script = "ls -d /proc/self /sys/kernel /dev/null /dev/pts /etc/hosts /tmp; exit 7"

    done = rkt.run(way, aci, "--", script)

    assert done.status == 7
    assert len(done.lines()) == 6


def test_a_common_link_of_resolv_conf_works(rkt: Rktpy, tmp_path: Path) -> None:
    odd = '/odd dir/a:b"c\\d%h'
    aci = image(tmp_path, {
        "/etc/resolv.conf": archive.symlink("../run/resolve/stub.conf"),
        "/etc/hosts": archive.symlink(f"..{odd}"),
    })  # fmt: skip

    done = rkt.run("--dns=10.9.8.7", "--hosts-entry=10.1.1.1=one", aci,
                   *("--", "cat /etc/resolv.conf /run/resolve/stub.conf /etc/hosts"))  # fmt: skip

    assert done.lines().count("nameserver 10.9.8.7") == 2
    assert "10.1.1.1 one" in done.lines()


@pytest.mark.parametrize("name", ["/etc/disk", "/dev/disk", "/bin/memory"])
def test_hard_links_to_devices_of_the_host_are_not_made(
    rkt: Rktpy, tmp_path: Path, name: str
) -> None:
    tricks = {"/dev/sda": archive.device("b", 8, 0), name: archive.hardlink("rootfs/dev/sda")}

    done = rkt.run(image(tmp_path, tricks), "--", f"test ! -e {name} && test ! -e /dev/sda")

    assert done.status in (0, 254), done


def test_a_device_of_the_image_in_an_odd_place_is_only_what_it_is(
    rkt: Rktpy, tmp_path: Path
) -> None:
    tricks = {"/odd": archive.device("c", 1, 3), "/etc/hosts": archive.hardlink("rootfs/odd")}

    done = rkt.run(image(tmp_path, tricks), "--", "echo x >/odd; stat -c %t:%T /odd; exit 7")

    assert (done.status, done.lines()) == (7, ["1:3"])
