"""A command line as a user gives it, in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NamedTuple

from rktpy.cli.main import Desk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))

# What the launcher does, with a program name of our choice.
_START = """\
import sys
sys.path[:0] = {paths!r}
sys.argv[0] = {program!r}
from rktpy.cli.main import main
status = main()
{after}
sys.exit(status)
"""


class Result(NamedTuple):
    """What came back, in the words of ``subprocess``."""

    returncode: int
    stdout: str
    stderr: str


def here(*words: str, program: str = "rkt", env: Mapping[str, str] | None = None) -> Result:
    """Serve ``rkt words…`` in this process; its two streams are caught below Python."""
    caught = [os.memfd_create("stdout"), os.memfd_create("stderr")]
    kept = [os.dup(1), os.dup(2)]
    sys.stdout.flush()
    os.dup2(caught[0], 1)
    os.dup2(caught[1], 2)
    try:
        status = Desk(words, env or {}, program).serve()
    finally:
        os.dup2(kept[0], 1)
        os.dup2(kept[1], 2)
    texts = [os.pread(fd, 1 << 20, 0).decode() for fd in caught]
    for fd in (*caught, *kept):
        os.close(fd)
    return Result(status, *texts)


def bare(
    *words: str,
    program: str = "rkt",
    after: str = "",
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``rkt words…`` in a bare interpreter; ``after`` is code to run before it ends."""
    paths = [CHECKOUT, *(path for path in sys.path if path.endswith("-packages"))]
    code = _START.format(paths=paths, program=program, after=after)
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"} | dict(env or {}),
    )
