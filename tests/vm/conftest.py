"""The virtual machine, shared by the tests of this tier; each is checked for leaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import hostfixture
from tests.support.vm import VmHost

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest) -> Iterator[VmHost]:
    host = VmHost()
    for _ in hostfixture.serve(host, request):
        yield host


@pytest.fixture(autouse=True)
def _leaks(host: VmHost) -> Iterator[None]:
    yield from hostfixture.checked(host)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    hostfixture.note(item, report, "host")
    return report
