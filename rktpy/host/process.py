"""Other programs: ``run`` one and wait for it, or ``replace`` ourselves by it.

argv lists only, never a shell. Children get an environment built from nothing unless one is
given, and no descriptor but 0-2.
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_logger = log.Logger("process")


class CommandError(RktError):
    """A helper program is missing or failed."""


def find_program(name: str, path: str | None = None) -> str | None:
    """Return the absolute path of an executable ``name`` on ``path`` (default: the caller's)."""
    for directory in (path or os.environ.get("PATH") or DEFAULT_PATH).split(":"):
        candidate = f"{directory}/{name}"
        if directory.startswith("/") and os.access(candidate, os.X_OK):
            return candidate
    return None


def run(argv: Sequence[str], *, timeout: float = 30.0) -> bytes:
    """Run ``argv`` to its end and return its standard output.

    Raises:
        CommandError: it is missing, fails or takes longer than ``timeout`` seconds; the text
            ends in what it wrote to stderr.
    """
    import subprocess  # cold: costs 20 ms, only probes and first runs come here

    _logger.debug("+ %s", _shown(argv))
    try:
        done = subprocess.run(
            argv,
            env={"PATH": DEFAULT_PATH, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandError(f"{argv[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{argv[0]} did not end within {timeout:g} s") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip() or f"status {done.returncode}"
        raise CommandError(f"{argv[0]} failed: {words}")
    return done.stdout


def replace(argv: Sequence[str], *, env: Mapping[str, str], keep: int | None = None) -> NoReturn:
    """Become ``argv``, holding the lock descriptor ``keep`` open across the exec.

    Raises:
        CommandError: it cannot be executed; we are still ourselves.
    """
    _logger.debug("+ exec %s", _shown(argv))
    if keep is not None:
        os.set_inheritable(keep, True)  # the pod counts as running for as long as this is open
    try:
        os.execve(argv[0], list(argv), dict(env))  # noqa: S606 - that is the point
    except OSError as error:
        raise CommandError(f"cannot execute {argv[0]}: {os.strerror(error.errno or 0)}") from error


def _shown(argv: Sequence[str]) -> str:
    """Return ``argv`` as a line that can be pasted into a shell."""
    if not log.debug_enabled():
        return ""
    import shlex

    return shlex.join(argv)
