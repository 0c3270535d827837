"""A data directory without pods, and a host without journals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host import syscalls
from rktpy.layout import Layout
from rktpy.pod.lifecycle import make_phase_dirs
from rktpy.verbs.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def site(tmp_path: Path) -> Site:
    make_phase_dirs(Layout(f"{tmp_path}/data"))
    return Site(data_dir=f"{tmp_path}/data")


@pytest.fixture
def journals() -> Iterator[Path]:
    """An empty /var/log/journal."""
    syscalls.mount("tmpfs", "/var/log", "tmpfs", 0)
    directory = Path("/var/log/journal")
    directory.mkdir()
    yield directory
    syscalls.umount2("/var/log", 0)
