"""Overlays are mounted as planned (rkt: mount_overlay_test)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.host import mount

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("odd", ["lower", "upper", "work", "target"])
@pytest.mark.parametrize("name", ["a:b", "a,b", "a\\b", "a:,\\:b"])
def test_an_overlay_shows_both_layers_whatever_its_paths_are(
    tmp_path: Path, odd: str, name: str
) -> None:
    paths = {kind: tmp_path / kind for kind in ("lower", "upper", "work", "target")}
    paths[odd] = tmp_path / name
    for path in paths.values():
        path.mkdir()
    (paths["lower"] / "below").write_text("below")
    (paths["upper"] / "above").write_text("above")
    lower, upper, work, target = (str(path) for path in paths.values())

    mount.overlay([lower], upper, work, target).execute()
    try:
        seen = sorted(path.name for path in paths["target"].iterdir())
    finally:
        mount.unmount(target)

    assert seen == ["above", "below"]
