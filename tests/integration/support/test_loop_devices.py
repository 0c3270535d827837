"""Loop devices are the machine's: one of ours is found, another run's is none of our business."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.support import command, leaks

if TYPE_CHECKING:
    from pathlib import Path


def test_only_loop_devices_on_our_own_files_can_be_left_behind_by_us(tmp_path: Path) -> None:
    before = leaks.take()
    file = tmp_path / "disk"
    file.write_bytes(bytes(1 << 20))
    device = command.run(["losetup", "--find", "--show", str(file)]).strip()

    found = leaks.compare(before, leaks.take())
    elsewhere, leaks.LOOP_FILES[:] = list(leaks.LOOP_FILES), ["/elsewhere/"]
    try:
        of_others = leaks.compare(before, leaks.take())
    finally:
        leaks.LOOP_FILES[:] = elsewhere
        command.run(["losetup", "--detach", device])

    assert found == [f"loop device left behind: {os.path.basename(device)} on {file}"]
    assert of_others == []
