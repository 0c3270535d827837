"""What an image may hold, decided without extracting anything: no root needed."""

from __future__ import annotations

from tarfile import BLKTYPE, CHRTYPE, DIRTYPE, LNKTYPE
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError, Devices, Limits, shown
from rktpy.host.archive.unpack import split_name
from tests.support.archive import Entry, tar_bytes
from tests.unit.host.archive.tars import MANIFEST, ROOTFS, check, check_bytes

if TYPE_CHECKING:
    from pathlib import Path


def test_a_sound_image_gives_its_manifest(tmp_path: Path) -> None:
    outcome = check(tmp_path, ROOTFS, Entry("rootfs/a", b"x"), MANIFEST)

    assert (outcome.document, outcome.entries) == (MANIFEST.data, 3)


def test_a_leading_dot_means_the_same(tmp_path: Path) -> None:
    dotted = [Entry("./", type=DIRTYPE), *(e.under(".") for e in (MANIFEST, ROOTFS))]

    assert check(tmp_path, *dotted).document == MANIFEST.data


def test_a_directory_may_follow_its_children(tmp_path: Path) -> None:
    check(tmp_path, MANIFEST, ROOTFS, Entry("rootfs/d/f"), Entry("rootfs/d", type=DIRTYPE))


def test_a_hard_link_target_may_be_absolute(tmp_path: Path) -> None:
    link = Entry("rootfs/b", type=LNKTYPE, linkname="/rootfs/a")

    assert check(tmp_path, MANIFEST, ROOTFS, Entry("rootfs/a"), link).entries == 4


def test_a_hard_link_must_follow_its_target(tmp_path: Path) -> None:
    link = Entry("rootfs/b", type=LNKTYPE, linkname="rootfs/a")

    with pytest.raises(ArchiveError, match="not a file before it"):
        check(tmp_path, MANIFEST, ROOTFS, link, Entry("rootfs/a"))


NULL = Entry("rootfs/null", type=CHRTYPE, device=(1, 3))
DISK = Entry("rootfs/sda", type=BLKTYPE, device=(8, 0))
WHITEOUT = Entry("rootfs/gone", type=CHRTYPE, device=(0, 0))


@pytest.mark.parametrize(
    ("node", "policy"), [(NULL, Devices.LISTED), (NULL, Devices.ALL), (DISK, Devices.ALL)]
)
def test_device_nodes_the_policy_allows_are_taken(tmp_path: Path, node: Entry, policy: str) -> None:
    assert check_bytes(tmp_path, tar_bytes([MANIFEST, ROOTFS, node]), devices=policy).entries == 3


@pytest.mark.parametrize(
    ("node", "policy"),
    [(NULL, Devices.NONE), (DISK, Devices.LISTED), (WHITEOUT, Devices.ALL)],
)
def test_other_device_nodes_are_refused(tmp_path: Path, node: Entry, policy: str) -> None:
    with pytest.raises(ArchiveError, match="device node not allowed: rootfs/"):
        check_bytes(tmp_path, tar_bytes([MANIFEST, ROOTFS, node]), devices=policy)


@pytest.mark.parametrize(
    ("pax", "words"),
    [
        ({"SCHILY.xattr.user.big": "x" * 70_000}, "larger than 65536"),
        ({"SCHILY.xattr.security.capability": "short"}, "malformed security.capability"),
    ],
)
def test_attributes_are_checked(tmp_path: Path, pax: dict[str, str], words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        check(tmp_path, MANIFEST, ROOTFS, Entry("rootfs/a", pax=pax))


def test_too_many_members_are_refused_by_counting_ahead(tmp_path: Path) -> None:
    many = [Entry(f"rootfs/{number}") for number in range(300)]

    for survey in (10, 10_000):
        with pytest.raises(ArchiveLimitError, match="more than 100 entries"):
            check(tmp_path, MANIFEST, ROOTFS, *many, limits=Limits(entries=100, survey=survey))


def test_the_rest_is_counted_before_more_is_unpacked(tmp_path: Path) -> None:
    many = [Entry(f"rootfs/{number}") for number in range(300)]
    many[50] = many[49]  # would be the error if it were reached

    with pytest.raises(ArchiveLimitError, match="more than 100 entries"):
        check(tmp_path, MANIFEST, ROOTFS, *many, limits=Limits(entries=100, survey=10))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (b"rootfs/a", [b"rootfs", b"a"]),
        (b"./rootfs//a/./b/", [b"rootfs", b"a", b"b"]),
        (b"./", []),
        (b".", []),
        (b"rootfs/\xff\n", [b"rootfs", b"\xff\n"]),
    ],
)
def test_names_are_split_into_components(name: bytes, parts: list[bytes]) -> None:
    assert split_name(name, Limits()) == parts


@pytest.mark.parametrize(
    "name", [b"", b"/rootfs", b"rootfs/..", b"../a", b"a\0b", b"n" * 256, b"d/" * 300, b"n" * 5000]
)
def test_names_that_lead_astray_are_refused(name: bytes) -> None:
    with pytest.raises(ArchiveError):
        split_name(name, Limits())


def test_messages_show_names_without_control_characters() -> None:
    assert shown(b"a\x1b[31m\n\xff") == "a\\x1b[31m\\n\\xff"


def test_directories_that_are_only_implied_count_as_entries(tmp_path: Path) -> None:
    limits, deep = Limits(entries=50), Entry("rootfs" + "/d" * 48)

    check(tmp_path, MANIFEST, ROOTFS, Entry("rootfs" + "/d" * 47), limits=limits)
    with pytest.raises(ArchiveLimitError, match="more than 50 entries"):
        check(tmp_path, MANIFEST, ROOTFS, deep, Entry("rootfs/" + "e/" * 20 + "f"), limits=limits)
