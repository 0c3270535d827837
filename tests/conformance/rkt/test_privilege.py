"""root_commands_test: which commands want root, and that they say so first (rkt-cli.md 1.7).

The child drops root by a new user namespace: that takes no privilege, so it works for whoever
runs the tests.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.desk import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_NO_ROOT = f"""\
import ctypes, os, sys
if ctypes.CDLL(None).unshare({_CLONE_NEWUSER}) or os.geteuid() == 0:
    sys.exit(77)
sys.path[:0] = {[CHECKOUT, *(path for path in sys.path if path.endswith("-packages"))]!r}
sys.argv[0] = "rkt"
from rktpy.cli.main import main
sys.exit(main())
"""


def unprivileged(*words: str) -> subprocess.CompletedProcess[str]:
    """Run ``rkt words…`` as nobody in particular."""
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _NO_ROOT, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if result.returncode == 77:
        pytest.skip("no user namespaces here")
    return result


@pytest.mark.parametrize("command", ["enter", "gc", "prepare", "rm", "run", "run-prepared"])
def test_these_want_root_before_anything_else(command: str) -> None:
    result = unprivileged(command)

    assert (result.returncode, result.stdout) == (254, "")
    assert result.stderr == f"{command}: cannot run as unprivileged user\n"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("list", 0),
        ("image list", 0),
        ("version", 0),
        ("config", 0),
        ("completion bash", 0),
        ("status 0f", 254),
        ("stop 0f", 254),
        ("cat-manifest 0f", 254),
        ("image rm nosuch", 0),
        ("image cat-manifest nosuch", 254),
        ("image gc", 0),
        ("fetch example.com/nosuch", 254),
    ],
)
def test_these_are_for_everybody(tmp_path: Path, line: str, status: int) -> None:
    result = unprivileged(f"--dir={tmp_path}", *line.split())

    assert result.returncode == status
    assert "unprivileged" not in result.stderr


@pytest.mark.parametrize("words", [("run", "--help"), ("help", "gc"), ("rm", "-h")])
def test_help_is_for_everybody(words: tuple[str, ...]) -> None:
    result = unprivileged(*words)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("NAME:")
