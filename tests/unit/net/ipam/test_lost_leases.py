"""What a power cut left of leases goes with the pod whose record it emptied."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rktpy.net.ipam.leases import release_lost

if TYPE_CHECKING:
    from pathlib import Path

_SINCE, _UNTIL = 1000, 2000


def _lease(path: Path, content: str, moment: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    os.utime(path, ns=(moment, moment))


def test_own_leases_and_empty_ones_of_that_time_go_and_all_others_stay(tmp_path: Path) -> None:
    _lease(tmp_path / "blue/10.1.0.2", "gone\r\neth0", 1500)
    _lease(tmp_path / "blue/10.1.0.3", "", 1500)
    _lease(tmp_path / "red/10.2.0.2", "", 1000)
    _lease(tmp_path / "red/10.2.0.3", "stays\r\neth0", 1500)
    _lease(tmp_path / "red/10.2.0.4", "", 999)  # kept free by somebody, long ago
    _lease(tmp_path / "red/10.2.0.5", "", 2000)  # of this boot

    release_lost("gone", _SINCE, _UNTIL, base=str(tmp_path))

    found = sorted(path.name for path in tmp_path.glob("*/[0-9]*"))
    assert found == ["10.2.0.3", "10.2.0.4", "10.2.0.5"]


def test_no_networks_are_fine(tmp_path: Path) -> None:
    release_lost("gone", _SINCE, _UNTIL, base=f"{tmp_path}/none")
