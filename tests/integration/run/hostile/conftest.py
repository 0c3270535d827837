"""Files of the host: some that nobody may reach, and some that are given to the pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.hostile.images import PRIVATE, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Path]:
    """A directory of the host that images point at; nothing in it may change."""
    path = tmp_path / "host"
    (path / "dir").mkdir(parents=True)
    (path / "secret").write_text(PRIVATE)
    (path / "passwd").write_text("hostuser:x:77:77::/:/bin/sh\n")
    before = state(path)
    yield path
    assert state(path) == before


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A directory that the user does give to the pod."""
    path = tmp_path / "mine"
    path.mkdir()
    (path / "file").write_text("mine\n")
    return path
