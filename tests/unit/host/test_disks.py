"""Which disks there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rktpy.host.disks import disks

if TYPE_CHECKING:
    from pathlib import Path


def test_disks_without_a_medium_do_not_count(tmp_path: Path) -> None:
    for name, dev, size in (("vda", "254:0", "2048"), ("loop0", "7:0", "0"), ("sda", "8:0", "1")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dev").write_text(f"{dev}\n")
        (tmp_path / name / "size").write_text(f"{size}\n")

    assert disks(str(tmp_path)) == ("8:0", "254:0")


def test_a_machine_without_block_devices_has_none(tmp_path: Path) -> None:
    assert disks(str(tmp_path / "block")) == ()
