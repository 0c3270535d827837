"""A layer unpacked by the confined process: real owners, devices, attributes and marks."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.digest import tree_hash
from rktpy.host.archive.layer_worker import start_layer
from rktpy.host.archive.limits import ArchiveError, Limits
from tests.support import archive
from tests.support.layouts import layer, whiteout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rktpy.host.archive.ends import LayerOutcome
    from tests.support.archive import Entry

    Content = Mapping[str, bytes | str | Entry]

pytestmark = pytest.mark.integration
_CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # net_raw, effective


def _unpack(root: Path, content: Content) -> LayerOutcome:
    root.mkdir()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    worker = start_layer(str(root), reading, Limits(), close=(writing,))
    os.close(reading)

    def feed() -> None:
        with open(writing, "wb") as pipe:
            pipe.write(layer(content))

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        return worker.wait()
    finally:
        feeder.join()


def test_all_that_a_layer_may_have_arrives_and_is_hashed(tmp_path: Path) -> None:
    capability = {"SCHILY.xattr.security.capability": _CAPABILITY.decode("latin-1")}
    long = "/".join(["n" * 90] * 3)
    content: Content = {
        "./": archive.directory(0o751, uid=3),
        "bin/su": archive.file(b"x", 0o4755, uid=5, gid=6),
        "bin/ping": replace(archive.file(b"x"), pax=capability),
        "shared": archive.directory(0o2775, gid=7),
        "shared/f": archive.file("1", uid=1),
        "shared/.wh.gone": whiteout(),
        long: archive.file(bytes(70_000), uid=70_000),
        "dev/null": archive.device("c", 1, 3),
        "dev/sda": archive.device("b", 8, 0),
        "run/fifo": archive.fifo(),
        "gone/.wh..wh..opq": whiteout(),
        ".wh.again": whiteout(), "again/x": "1",
        "l": archive.symlink("/etc"),
        "borrowed": archive.hardlink("usr/x"),
    }  # fmt: skip
    outcome = _unpack(tmp_path / "layer", content)

    root = tmp_path / "layer"
    assert outcome.tree_hash == tree_hash(str(root))
    assert outcome.warnings == ("leaving out device node dev/sda",)
    assert outcome.ends.rooted
    info = os.stat(root / "bin/su")
    assert (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid) == (0o4755, 5, 6)
    assert os.getxattr(root / "bin/ping", "security.capability") == _CAPABILITY
    gone = os.lstat(root / "shared/gone")
    assert (stat.S_ISCHR(gone.st_mode), gone.st_rdev, gone.st_gid) == (True, 0, 0)
    assert [os.getxattr(root / name, "trusted.overlay.opaque") for name in ("gone", "again")] == [
        b"y", b"y",
    ]  # fmt: skip
    with pytest.raises(OSError, match="No data"):
        os.getxattr(root / "shared", "trusted.overlay.opaque")
    assert os.lstat(root / "borrowed").st_size == 0


def test_the_hash_sees_a_mark_that_was_lost(tmp_path: Path) -> None:
    outcome = _unpack(tmp_path / "layer", {"d/.wh..wh..opq": whiteout(), "e/.wh.x": whiteout()})

    os.removexattr(tmp_path / "layer/d", "trusted.overlay.opaque")
    assert tree_hash(str(tmp_path / "layer")) != outcome.tree_hash


def test_an_opaque_root_is_marked(tmp_path: Path) -> None:
    _unpack(tmp_path / "layer", {".wh..wh..opq": whiteout()})

    assert os.getxattr(tmp_path / "layer", "trusted.overlay.opaque") == b"y"


def test_what_the_worker_refuses_comes_back_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r'path with "\.\."'):
        _unpack(tmp_path / "layer", {"../x": "1"})
    assert os.listdir(tmp_path) == ["layer"]
