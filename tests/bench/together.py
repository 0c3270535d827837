"""Peak memory of a command and all it starts, together: what one process says hides the others.

Proportional set sizes are added up, so that memory that processes share counts once. Looked at
often, which disturbs; so this is done in a run that is not timed.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.bench.model import UnavailableError
from tests.support.leaks import descendants

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.model import Command

_PAUSE = 0.002  # seconds between two looks; a process that lives shorter is not seen
_LIMIT = 60_000  # looks until a command counts as hanging


def peak(commands: Sequence[Command], output: Path, statuses: Sequence[int]) -> float:
    """Run ``commands`` one after another and return the largest sum that was seen, in MiB.

    Raises:
        UnavailableError: a command failed or does not end.
    """
    return max(_peak(command, output, statuses) for command in commands)


def _peak(command: Command, output: Path, statuses: Sequence[int]) -> float:
    most = 0
    with output.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        for _ in range(_LIMIT):
            most = max(most, sum(map(_pss, {process.pid, *descendants(process.pid)})))
            try:
                process.wait(_PAUSE)
            except subprocess.TimeoutExpired:
                continue
            break
        else:
            process.kill()
            process.wait()
            raise UnavailableError("it did not end while its memory was looked at")
    if process.returncode not in statuses:
        raise UnavailableError(f"{command[0]} exited {process.returncode}")
    return most / 1024


def _pss(pid: int) -> int:
    """Return the proportional set size of a process in KiB, 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("Pss:")), 0)
    except OSError:
        return 0
