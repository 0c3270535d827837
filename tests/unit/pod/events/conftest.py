"""A data directory, and somebody who watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.pod.lifecycle import make_phase_dirs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


from tests.unit.pod.events.watcher import Watcher


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(str(tmp_path / "data"))
    make_phase_dirs(layout)
    return layout


@pytest.fixture
def aside(tmp_path: Path) -> Layout:
    """Where pods are made that come into ``layout`` by a rename."""
    return Layout(str(tmp_path / "aside"))


@pytest.fixture
def watcher(layout: Layout) -> Iterator[Watcher]:
    watcher = Watcher(layout)
    with watcher.watch:
        watcher.watch.begin()
        yield watcher
