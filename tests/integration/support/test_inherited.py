"""What the caller of pytest left in the process does not decide tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import no_proxies
from tests.support.fence import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TELL = "import signal; print(*(int(signal.getsignal(n) == signal.SIG_IGN) for n in (1, 2, 15)))"
PLUGIN = f"""
import subprocess, sys
def pytest_runtest_teardown(item, nextitem):
    if nextitem is None:
        said = subprocess.check_output([sys.executable, "-c", {TELL!r}], text=True)
        sys.__stderr__.write("IGNORED " + said)
"""


@pytest.mark.parametrize("words", ["trap '' HUP INT TERM", ":"])
def test_programs_that_tests_start_hear_signals(tmp_path: Path, words: str) -> None:
    """Though a shell started pytest with ``nohup`` or ``&``."""
    (tmp_path / "probe.py").write_text(PLUGIN)
    test = ("-m", "pytest", "-s", "-q", "-p", "probe", "tests/unit/test_codec.py")
    command = ["sh", "-c", f'{words}; exec "$@"', "sh", sys.executable]

    deaf = subprocess.run([*command, "-c", TELL], capture_output=True, text=True, check=True)
    done = subprocess.run(
        [*command, *test],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert deaf.stdout == ("0 0 0\n" if words == ":" else "1 1 1\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "IGNORED 0 0 0\n" in done.stderr
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


MAKE_PLUGIN = """
import subprocess, sys
def pytest_sessionfinish():
    rule = "X = ours\\nall: ; @echo $(X)\\n"
    said = subprocess.check_output(["make", "-f", "-"], input=rule, text=True)
    sys.__stderr__.write("MADE " + said)
"""


def test_a_make_that_tests_start_is_none_of_the_one_that_started_them(tmp_path: Path) -> None:
    """That would name the directories it enters, and take variables from the other."""
    (tmp_path / "probe.py").write_text(MAKE_PLUGIN)
    (tmp_path / "Makefile").write_text(
        f"all: ; @cd {ROOT} && {sys.executable} -m pytest -s -q -p probe tests/unit/test_codec.py\n"
    )

    done = subprocess.run(
        ["make", "-w", "-C", tmp_path, "X=theirs"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "MADE ours\n" in done.stderr


CALLER_PLUGIN = """
import os, sys
def pytest_sessionfinish():
    sys.__stderr__.write(f"MASK {os.umask(0):o} {os.environ.get('SYSTEMD_COLORS')}\\n")
"""


def test_umask_and_colours_of_the_caller_are_not_those_of_tests(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(CALLER_PLUGIN)
    test = ("-m", "pytest", "-s", "-q", "-p", "probe", "tests/unit/test_codec.py")

    done = subprocess.run(
        ["sh", "-c", 'umask 077; exec "$@"', "sh", sys.executable, *test],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "SYSTEMD_COLORS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "MASK 22 None\n" in done.stderr


def test_no_proxy_is_seen_from_namespaces_that_reach_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with no_proxies():
        assert [name for name in os.environ if name.lower().endswith("_proxy")] == []
    assert os.environ["HTTPS_PROXY"] == "http://127.0.0.1:9"
