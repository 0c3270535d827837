"""What importers fall into and no other test of this room is about."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.extract import Extractor
from rktpy.host.archive.limits import ArchiveError
from rktpy.host.archive.reader import FILE, Member
from rktpy.host.tree.xattrs import keeps_xattr
from tests.support.archive import Entry
from tests.unit.host.archive.tars import MANIFEST, ROOTFS, check

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", [".wh.gone", ".wh..wh..opq", ".wh."])
def test_marks_of_layers_are_ordinary_names_in_an_aci(tmp_path: Path, name: str) -> None:
    outcome = check(tmp_path, MANIFEST, ROOTFS, Entry(f"rootfs/{name}"), Entry("rootfs/gone"))

    assert outcome.entries == 4


def test_two_names_that_a_file_system_takes_for_one_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "readme").write_text("first")  # what a folding file system has at README
    extractor = Extractor(owners=False)

    with pytest.raises(ArchiveError, match="duplicate file entry in archive: rootfs/README"):
        extractor.write(b"readme", Member(b"rootfs/README", FILE), lambda _member: [])
    assert os.listdir(tmp_path) == ["readme"]
    assert (tmp_path / "readme").read_text() == "first"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (b"user.comment", True),
        (b"security.capability", True),
        (b"user.overlay.whiteout", False),
        (b"user.overlay.opaque", False),
        (b"trusted.overlay.redirect", False),
        (b"trusted.anything", False),
        (b"security.selinux", False),
        (b"security.ima", False),
        (b"security.evm", False),
        (b"system.posix_acl_access", False),
    ],
)
def test_attributes_that_mean_something_to_the_host_are_left_out(
    name: bytes,
    kept: bool,  # noqa: FBT001
) -> None:
    assert keeps_xattr(name) == kept
