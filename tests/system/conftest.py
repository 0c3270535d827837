"""The booted Debian container, shared by the tests of this tier; each is checked for leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import (
    hostfixture,
    pods_on_host,
    readiness_on_host,
    registry_on_host,
    sockets_on_host,
    units_on_host,
)
from tests.support.container import ContainerHost

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.support.pods_on_host import Pods


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest) -> Iterator[ContainerHost]:
    host = ContainerHost()
    for _ in hostfixture.serve(host, request):
        yield host


@pytest.fixture(autouse=True)
def _leaks(host: ContainerHost) -> Iterator[None]:
    yield from hostfixture.checked(host)


@pytest.fixture(scope="session")
def stocked(host: ContainerHost) -> Pods:
    images = (pods_on_host.shell, pods_on_host.redis, pods_on_host.redis_notify,
              pods_on_host.etcd, pods_on_host.talk, readiness_on_host.tell,
              units_on_host.web, sockets_on_host.talk_many)  # fmt: skip
    return hostfixture.stocked(host, *images)


@pytest.fixture
def pods(stocked: Pods, _leaks: None) -> Iterator[Pods]:
    yield from hostfixture.lent(stocked)


@pytest.fixture(scope="session")
def _stored(stocked: Pods) -> Iterator[None]:
    yield from registry_on_host.stored(stocked)


@pytest.fixture
def registry(_stored: None, pods: Pods) -> Iterator[str]:
    """The unit of a registry on the host, started; what was pulled from it goes again."""
    yield from registry_on_host.running(pods)


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
