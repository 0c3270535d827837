"""What the system and vm tiers share: one host per run, a leak check per test, kept journals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pods_on_host import Pods
from tests.support.tiers import NOTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.container import ContainerHost
    from tests.support.vm import VmHost


def serve(host: ContainerHost | VmHost, request: pytest.FixtureRequest) -> Iterator[None]:
    """Boot ``host`` for the tests that share it; keep its journal if one of them failed."""
    config = request.config
    notes = config.stash[NOTES]
    try:
        with host:
            notes.append(f"{host.name} was up after {host.boot_seconds:.1f} s")
            yield
            host.keep |= config.getoption("--keep-host")
    finally:
        if host.keep:
            notes.append(f"journal kept, read it with: {host.evidence}")


def stocked(host: ContainerHost | VmHost, *builders: Callable[[Path], object]) -> Pods:
    """Return ``host`` with images in its store; for pods that live longer than one test."""
    pods = Pods(host)
    pods.stock(*builders)
    return pods


def lent(pods: Pods) -> Iterator[Pods]:
    """Lend ``pods`` to a test; whatever that starts is ended and collected."""
    yield pods
    try:
        pods.clean()
    except BaseException:
        pods.host.keep = True
        raise


def checked(host: ContainerHost | VmHost) -> Iterator[None]:
    """Fail the test if it leaves anything in ``host``."""
    before = host.untouched()
    yield
    found = host.leaks(before)
    if found:
        host.keep = True
        pytest.fail("\n".join(found), pytrace=False)


def note(item: pytest.Item, report: pytest.TestReport, host_name: str) -> None:
    """Keep the journal of a host that a test failed on, and say in its report where it will be."""
    host = getattr(item, "funcargs", {}).get(host_name) if report.failed else None
    if host is not None:
        host.keep = True
        report.sections.append(("the host's journal", host.evidence))
