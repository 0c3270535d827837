"""The test tiers, as one pytest plugin: which run, what they may do, and that they really ran.

* A tier that was not asked for is not even collected; naming its files without its option is a
  usage error. ``unit`` and ``conformance`` always run.
* A tier that was asked for may not skip: what it needs and does not find is a failure.
* With ``--sentinel`` success is exit status 123, and only if each tier asked for passed at
  least one test. A run that tested nothing by mistake cannot look like it.
"""

from __future__ import annotations

import os
import time
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.support.agent import SENTINEL

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ON_REQUEST = ("integration", "system", "vm")
# Processor time of the whole unit tier: what we want, and what no busy machine excuses.
UNIT_SECONDS = 10.0


NOTES = pytest.StashKey[list[str]]()  # lines for the end of the run


class Tiers:
    """The plugin; one instance per pytest run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._asked = [tier for tier in ON_REQUEST if config.getoption(f"--{tier}")]
        self._passed: dict[str, int] = {}
        self._unit_seconds = 0.0
        config.stash[NOTES] = []

    def check_usage(self) -> None:
        """Refuse file names of tiers that were not asked for, and tiers that cannot run."""
        for arg in self._config.args:
            tier = tier_of(arg.partition("::")[0])
            if tier in ON_REQUEST and tier not in self._asked:
                raise pytest.UsageError(f"{arg} belongs to a tier of its own: add --{tier}")
        if self._asked and os.geteuid() != 0:
            raise pytest.UsageError(f"--{self._asked[0]} needs root")

    def pytest_ignore_collect(self, collection_path: os.PathLike[str]) -> bool | None:
        tier = tier_of(os.fspath(collection_path))
        return True if tier in ON_REQUEST and tier not in self._asked else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark each test with its tier, so that ``-m`` can choose, too."""
        for item in items:
            tier = tier_of(os.fspath(item.path))
            if tier in ON_REQUEST:
                item.add_marker(getattr(pytest.mark, tier))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the tiers apart, whatever order the tests of each are in: cheap ones first, and
        no host is booted while integration tests count processes.
        """
        order = {tier: place for place, tier in enumerate(ON_REQUEST, 1)}
        session.items.sort(key=lambda item: order.get(tier_of(os.fspath(item.path)), 0))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        started = time.process_time()
        result = yield
        if tier_of(os.fspath(item.path)) == "unit":
            self._unit_seconds += time.process_time() - started
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        tier = tier_of(os.fspath(item.path))
        if report.skipped and tier in self._asked and not hasattr(report, "wasxfail"):
            report.outcome = "failed"
            report.longrepr = f"a tier that was asked for may not skip: {report.longrepr}"
        if report.when == "call" and report.passed:
            self._passed[tier] = self._passed.get(tier, 0) + 1
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.OK and not self._config.option.collectonly:
            if self._complaints():
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            elif self._config.getoption("--sentinel"):
                session.exitstatus = SENTINEL

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._config.stash[NOTES]:
            terminalreporter.write_line(line)
        counts = ", ".join(f"{tier} {count}" for tier, count in sorted(self._passed.items()))
        terminalreporter.write_line(f"passed by tier: {counts or 'none'}")
        if self._unit_seconds > UNIT_SECONDS:
            spent = f"{self._unit_seconds:.0f} s of processor time, {UNIT_SECONDS:.0f} are wanted"
            terminalreporter.write_line(f"unit tests took {spent}")
        for complaint in [] if self._config.option.collectonly else self._complaints():
            terminalreporter.write_line(f"FAILED {complaint}", red=True)

    def _complaints(self) -> list[str]:
        found = [
            f"no test of tier {tier} passed" for tier in self._asked if not self._passed.get(tier)
        ]
        if self._config.getoption("--sentinel") and not self._passed:
            found.append("no test passed at all")
        return found


@cache
def tier_of(path: str) -> str:
    """Return the tier a file or folder below ``tests`` belongs to, or an empty string."""
    relative = os.path.relpath(os.path.abspath(path), ROOT)
    return "" if relative.startswith("..") else relative.partition(os.sep)[0]
