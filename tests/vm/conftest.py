"""Virtual machines: each file of tests has one to itself, which goes on from a snapshot; each test
is checked for leaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import (
    hostfixture,
    limits_on_host,
    pods_on_host,
    readiness_on_host,
    sockets_on_host,
    units_on_host,
    vm_snapshot,
)
from tests.support.pods_on_host import Pods
from tests.support.vm import VmHost

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

IMAGES = (pods_on_host.shell, limits_on_host.slow_shell, readiness_on_host.tell,
          units_on_host.web, pods_on_host.talk, sockets_on_host.talk_many)  # fmt: skip


@pytest.fixture(scope="module")
def host(request: pytest.FixtureRequest) -> Iterator[VmHost]:
    """A guest whose store has ``IMAGES``."""
    host = VmHost(snapshot=vm_snapshot.taken(*IMAGES))
    for _ in hostfixture.serve(host, request):
        yield host


@pytest.fixture(autouse=True)
def _leaks(host: VmHost) -> Iterator[None]:
    yield from hostfixture.checked(host)


@pytest.fixture(scope="module")
def stocked(host: VmHost) -> Pods:
    return Pods(host)


@pytest.fixture
def pods(stocked: Pods, _leaks: None) -> Iterator[Pods]:
    yield from hostfixture.lent(stocked)


@pytest.fixture
def gate(pods: Pods) -> Iterator[None]:
    """A directory of the host that pods of ``readiness_on_host`` wait at."""
    yield from readiness_on_host.gate(pods)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    hostfixture.note(item, report, "host")
    return report
