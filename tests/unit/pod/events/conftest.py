"""A data directory, and somebody who watches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.pod.events import watching
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
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A series of looks is over soon; for who does not wait for what another process does."""
    monkeypatch.setattr(watching, "_LOOKS", 5)
    monkeypatch.setattr(watching, "_LEAVING", 0.03)  # shorter than the series, as it is there


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
