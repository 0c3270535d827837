"""A host with an outside, and rktpy with networks of its own on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.netted import Netted, forget_bridges
from tests.support.wires import Wires

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.run.rk import Rktpy


@pytest.fixture
def wires() -> Iterator[Wires]:
    with Wires() as made:
        yield made


@pytest.fixture
def net(rkt: Rktpy, tmp_path: Path, wires: Wires) -> Iterator[Netted]:
    """``out0`` is the host's network card."""
    del wires
    found = Netted(rkt.data, tmp_path)
    yield found
    done = found.collect()
    forget_bridges()
    assert (done.status, found.pods()) == (0, [])
