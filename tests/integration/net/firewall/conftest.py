"""A host with an outside, whose rules go with it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.net.firewall import loopback
from rktpy.net.firewall.applying import remove
from tests.support.wires import Wires

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wires() -> Iterator[Wires]:
    """What ``remove`` must take away, tests of ``remove`` see; the others need not call it."""
    with Wires() as made:
        yield made
        for uuid in (entry.name for entry in Path(loopback.DIRECTORY).glob("pods/*")):
            remove(uuid)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
