"""Limits as the kernel reads them; plain files stand in for a cgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.host.cgroup.limits import limit_v1, limit_v2

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


@pytest.mark.parametrize(
    ("controller", "amount", "files"),
    [
        ("memory", 1 << 30, {"memory.limit_in_bytes": "1073741824"}),
        ("cpu", 2500, {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "250000"}),
        ("cpu", 1, {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "1000"}),
    ],
)
def test_v1_limits_go_through_cgroupspy(
    tmp_path: Path, controller: str, amount: int, files: dict[str, str]
) -> None:
    limit_v1(controller, str(tmp_path), amount)
    assert written(tmp_path) == files


@pytest.mark.parametrize(
    ("controller", "amount", "text"),
    [("memory", 1 << 30, "1073741824"), ("cpu", 250, "25000 100000"), ("cpu", 1, "1000 100000")],
)
def test_v2_limits_are_one_file_each(
    tmp_path: Path, controller: str, amount: int, text: str
) -> None:
    (tmp_path / f"{controller}.max").touch()
    limit_v2(controller, str(tmp_path), amount)
    assert written(tmp_path) == {f"{controller}.max": text}


def test_a_controller_that_is_not_enabled_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        limit_v2("memory", str(tmp_path), 1)
