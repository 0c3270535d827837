"""Options, tiers and the guard of the unit tier; what a tier needs is in its own conftest."""

from __future__ import annotations

import gc
import itertools
import os
import re
import signal
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.support import fence
from tests.support.guard import UnitGuard
from tests.support.memory_disk import MEMORY_DISK, MemoryDisk
from tests.support.scratch import VARIABLE, take_place
from tests.support.tiers import NOTES, ON_REQUEST, Tiers, tier_of

if TYPE_CHECKING:
    from pathlib import Path

_guard = UnitGuard()
_numbers = itertools.count()
# Of a session, and of the make that may have started us.
_THEIRS = ("DBUS_SESSION_BUS_ADDRESS", "NOTIFY_SOCKET", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")

# Few examples each time, other ones every time; --hypothesis-profile=default for a long look.
# A machine that is busy with something else is no reason to fail.
settings.register_profile(
    "quick", max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tiers")
    group.addoption("--integration", action="store_true", help="run tests that need root")
    group.addoption("--system", action="store_true", help="run tests on the booted container")
    group.addoption("--vm", action="store_true", help="run tests on the virtual machine")
    group.addoption(
        "--sentinel", action="store_true", help="exit with 123 if all that was asked for passed"
    )
    group.addoption(
        "--keep-host", action="store_true", help="keep journal and disk of test hosts that passed"
    )


def pytest_configure(config: pytest.Config) -> None:
    tiers = Tiers(config)
    tiers.check_usage()
    config.pluginmanager.register(tiers, "rktpy-tiers")
    place, writable = take_place()
    if not config.option.basetemp:
        config.option.basetemp = f"{place}/t"
        if config.option.integration and VARIABLE not in os.environ:
            _keep_in_memory(config, place)
    if not any(config.getoption(tier) for tier in ON_REQUEST):
        os.environ["TMPDIR"] = tempfile.tempdir = place
        if os.geteuid() == 0:
            _fence(config, writable)
    _guard.install()
    # No test leaves anything to chance but through hypothesis, which seeds itself.
    config.option.randomly_reset_seed = False
    _forget_surroundings()
    _hear_signals()


def _forget_surroundings() -> None:
    """Let nothing decide a test that the user of the checkout has in environment or umask."""
    for name in list(os.environ):
        if name in _THEIRS or name.startswith(("SYSTEMD_", "LISTEN_")):
            del os.environ[name]
    os.umask(0o022)


def _keep_in_memory(config: pytest.Config, place: str) -> None:
    """Let no temporary file of the integration tier wait for a disk, if there is the memory."""
    try:
        config.stash[MEMORY_DISK] = MemoryDisk(place)
    except (OSError, MemoryError) as error:
        config.stash[NOTES].append(f"temporary files were on disk, which takes longer: {error}")


def _hear_signals() -> None:
    """Let programs that tests start have all signals, whatever this one ignores: what a shell
    starts with ``&`` is deaf to SIGINT, and after ``nohup`` to SIGHUP (POSIX, 2.12).
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # Python's own
        if signal.getsignal(number) == signal.SIG_IGN:
            ours = signal.default_int_handler if number == signal.SIGINT else lambda *_: None
            signal.signal(number, ours)


def _fence(config: pytest.Config, place: str) -> None:
    """Let tests write nothing but temporary files, caches and the files that options name."""
    writable = [place, *fence.caches()]
    named = os.path.dirname(os.path.abspath(config.option.basetemp))
    if not named.startswith(f"{place}/"):  # a mount there could not be removed
        writable.append(named)
    if config.option.xmlpath:
        writable.append(fence.made(config.option.xmlpath))
    try:
        fence.enclose(writable)
    except OSError as error:
        note = f"NO FENCE: these tests run as root and can destroy this machine: {error}"
        config.stash[NOTES].append(note)


def pytest_collection_finish() -> None:
    """Look for no garbage in what stays to the end, and less often for other: that takes a tenth
    of the time. What somebody forgot to close is found all the same, at the latest at the end.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pytest's own, but for the number: that one reads all names there are to find a free one."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    path = tmp_path_factory.getbasetemp() / f"{name}{next(_numbers)}"
    path.mkdir(mode=0o700)
    return path


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    _guard.active = tier_of(os.fspath(item.path)) not in ON_REQUEST


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    _guard.active = False
