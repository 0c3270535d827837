"""What the tests of running pods share: one data directory, filled once, empty after each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL, make_all
from tests.integration.run.rk import Rktpy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def image_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The images as files, by the stem of their names."""
    return {path.stem: path for path in make_all(tmp_path_factory.mktemp("images"))}


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory, image_files: dict[str, Path]) -> Rktpy:
    rkt = Rktpy(tmp_path_factory.mktemp("rkt") / "data")
    rkt.ok("fetch", *image_files.values())
    return rkt


@pytest.fixture
def rkt(_filled: Rktpy) -> Iterator[Rktpy]:
    """``rktpy`` on a data directory that knows the images by name; collects what is left."""
    if not _filled.has_stage1():  # in namespaces of our own, so not earlier
        _filled.prepare(SHELL)
        _filled.collect()
    yield _filled
    done = _filled.collect()
    assert done.status == 0, done
    assert _filled.pods() == []


@pytest.fixture
def images_go(rkt: Rktpy) -> Iterator[None]:
    """For tests whose images have the names of those that all tests use: they leave none."""
    listing = ("image", "list", "--no-legend", "--full", "--fields=id")
    before = rkt.ok(*listing).split()
    yield
    new = [image for image in rkt.ok(*listing).split() if image not in before]
    if new:
        rkt.ok("image", "rm", *new)
