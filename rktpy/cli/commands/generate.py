"""``rktpy generate --dry-run [FILE...]``."""

from __future__ import annotations

import os
import sys

from rktpy import log
from rktpy.errors import RktError, UsageError
from rktpy.verbs.generate import dry_run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.cli.call import Call
    from rktpy.generator.pods import Generated


def generate(call: Call) -> int:
    """Print the units of ``.pod`` files as ``systemctl cat`` would; problems go to stderr."""
    if not call.options["dry-run"]:
        raise UsageError("systemd writes the units, at daemon-reload; to see them add --dry-run")
    found = dry_run(call.args, program=program_path())
    for problem in found.problems:
        log.write_line(str(problem))
    if found.units:
        call.out("\n".join(_printed(found)))
    if found.problems:
        count = len(found.problems)
        raise RktError("there is a problem" if count == 1 else f"there are {count} problems")
    return 0


def program_path() -> str:
    """Return the absolute path of the program that was called, for ``ExecStart=``."""
    return os.path.abspath(sys.argv[0])


def _printed(found: Generated) -> Iterator[str]:
    for name, text in found.units:
        yield f"# {name}\n{text}"
    if found.links:
        yield "".join(f"# {name} -> {target}\n" for name, target in found.links)
