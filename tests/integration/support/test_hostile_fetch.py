"""``rktpy fetch`` refuses every hostile image and leaves nothing behind.

One clear line says why, in rkt's own words where it had some.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench.rktpy_side import launcher
from tests.support.hostile import Hostile, device_image, hostile_images, odd_names_image

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSED = 254
# rkt shows the place in a broken manifest on lines of its own (images.md 1.5).
_WITH_PLACE = ("Error at line", "    ")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def _fetch(data: Path, image: Path) -> subprocess.CompletedProcess[str]:
    command = [*launcher(), f"--dir={data}", "--insecure-options=image", "fetch", str(image)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _left(data: Path) -> list[str]:
    """Return what of an image is in the store, finished or half-done."""
    kinds = ("blob", "imageManifest", "tree", "tmp")
    return [
        os.path.join(directory, name)
        for kind in kinds
        for directory, _names, files in os.walk(data / "cas" / kind)
        for name in files
    ]


@pytest.mark.parametrize("image", hostile_images(), ids=lambda image: image.name)
def test_a_hostile_image_is_refused_and_leaves_nothing(
    tmp_path: Path, data: Path, image: Hostile
) -> None:
    result = _fetch(data, image.write(tmp_path))
    said = result.stderr.strip().splitlines()
    assert result.returncode == REFUSED, result.stderr
    assert result.stdout == ""
    assert said[0].startswith("fetch: ")
    assert all(line.startswith(_WITH_PLACE) or line == said[-1] for line in said[1:]), said
    assert "internal error" not in result.stderr
    assert image.says in result.stderr
    assert _left(data) == []
    assert not Path("/tmp/escaped").exists()


def test_dangerous_device_nodes_are_never_made(tmp_path: Path, data: Path) -> None:
    path = device_image(tmp_path / "devices.aci")
    _fetch(data, path)
    made = [name for directory, _, names in os.walk(data / "cas/tree") for name in names]
    assert "mem" not in made
    assert "sda" not in made


@pytest.mark.parametrize("build", [odd_names_image])
def test_names_that_are_no_text_are_kept(tmp_path: Path, build: Callable[[Path], Path]) -> None:
    result = _fetch(tmp_path / "data", build(tmp_path / "odd.aci"))
    assert result.returncode == 0, result.stderr
    root = os.fsencode(tmp_path / "data/cas/tree")
    found = {name for _directory, _names, files in os.walk(root) for name in files}
    assert {b"caf\xe9", b"\xff\xfe", b"new\nline"} <= found
