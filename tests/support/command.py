"""Running programs of the machine the tests run on: one place, output kept for the failure text."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class CommandError(Exception):
    """A program of the test machine failed; the text carries its output."""


def run(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 900,
) -> str:
    """Run ``argv`` to its end and return its standard output. ``env`` adds to our environment.

    Raises:
        CommandError: it exited with another status than 0, or took longer than ``timeout`` s.
    """
    try:
        done = subprocess.run(
            list(argv),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{' '.join(argv)}: not done after {timeout:.0f} s") from error
    if done.returncode != 0:
        tail = (done.stdout + done.stderr)[-4000:]
        raise CommandError(f"{' '.join(argv)}: exit status {done.returncode}\n{tail}")
    return done.stdout


def in_private_mounts(script: str, *args: str, timeout: float = 900) -> str:
    """Run the shell ``script`` where its mounts are seen by nobody else and vanish with it."""
    shell = ["sh", "-euc", script, "sh", *args]
    return run(["unshare", "--mount", "--propagation", "slave", *shell], timeout=timeout)
