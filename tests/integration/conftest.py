"""Each integration test runs in mount and network namespaces of its own, and is checked for
leaks before it leaves them. /run is an empty tmpfs: no systemd, no bus, whatever the machine has.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import pytest

from tests.support import leaks
from tests.support.memory_disk import MEMORY_DISK
from tests.support.sandbox import Cgroups, Namespaces, adopt_orphans, reap_orphans

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _own_cgroups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The whole tier lives in cgroups of its own, so that what is left in them is ours. Loop
    devices are the machine's: ours are those on temporary files.
    """
    leaks.LOOP_FILES[:] = [f"{tmp_path_factory.getbasetemp()}/"]
    adopt_orphans()
    cgroups = Cgroups()
    yield
    cgroups.leave()


@contextlib.contextmanager
def no_proxies() -> Iterator[None]:
    """Forget the machine's proxies, which nobody reaches from these namespaces."""
    names = [name for name in os.environ if name.lower().endswith("_proxy")]
    theirs = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(theirs)


@pytest.fixture(autouse=True)
def _own_namespaces(_own_cgroups: None, request: pytest.FixtureRequest) -> Iterator[None]:
    with Namespaces(), no_proxies():
        before = leaks.take()
        yield
        reap_orphans()
        found = leaks.settled(before)
        if found:
            leaks.clean_up_processes(before)
    if disk := request.config.stash.get(MEMORY_DISK, None):
        disk.give_back((request.node.funcargs or {}).get("tmp_path"))  # None after an interrupt
    if found:
        pytest.fail("\n".join(found), pytrace=False)
