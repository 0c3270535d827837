"""The booted Debian container, shared by the tests of this tier; each is checked for leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import hostfixture, pods_on_host
from tests.support.container import ContainerHost
from tests.support.pods_on_host import Pods

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


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
    """The host with images in its store; for pods that live longer than one test."""
    pods = Pods(host)
    images = (pods_on_host.shell, pods_on_host.redis, pods_on_host.redis_notify,
              pods_on_host.etcd, pods_on_host.talk, pods_on_host.talk_notify)  # fmt: skip
    pods.stock(*images)
    return pods


@pytest.fixture
def pods(stocked: Pods, _leaks: None) -> Iterator[Pods]:
    """The host with images in its store; whatever the test starts is ended and collected."""
    yield stocked
    stocked.clean()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    hostfixture.note(item, report, "host")
    return report
