"""Takes the samples of a row, its sides interleaved in random order within each round.

Not hyperfine: it runs all samples of one command before those of the next, so on a shared machine
a busy minute falls on one side only and the ratio is about the minute. Version 1.15, the one in
Debian 12, knows no peak memory either. What it does well is kept: no shell in between, output to a
file, failing commands refused, a warm-up run.
"""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import sandbox, together
from tests.bench.model import Command, Result, Row, Sample, Side, UnavailableError
from tests.support.ctools import build_static

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from typing import Protocol

    class Sampler(Protocol):
        """Something that measures a side once."""

        def sample(self, side: Side) -> Sample: ...

        def memory(self, side: Side) -> float: ...


_LIMIT = 120  # seconds until a command counts as hanging
_TAIL = 300  # characters of a failed command's output that go into the report


class Timer:
    """Runs commands and measures them. ``scratch`` is a writable directory."""

    def __init__(self, scratch: Path) -> None:
        self._program = str(build_static("measure", [Path(__file__).with_name("measure.c")]))
        self._output = scratch / "output"

    def sample(self, side: Side) -> Sample:
        """Run a side once.

        Raises:
            UnavailableError: a command failed.
        """
        side.before()
        sandbox.reap()
        os.sync()  # who syncs should not have to write what others left
        try:
            costs = [self._run(command, side) for command in side.commands]
        finally:
            side.after()
        wall, cpu, memory = zip(*costs, strict=True)
        return Sample(sum(wall), sum(cpu), max(memory))

    def memory(self, side: Side) -> float:
        """Run a side once and return the peak memory of all its processes together, in MiB.

        Raises:
            UnavailableError: a command failed.
        """
        side.before()
        sandbox.reap()
        try:
            return together.peak(side.commands, self._output, side.statuses)
        finally:
            side.after()

    def _run(self, command: Command, side: Side) -> tuple[float, float, float]:
        line = self._measured([self._program, str(self._output), *command])
        wall, user, system, memory, status = map(int, line.split())
        code = status >> 8 if not status & 0x7F else 128 + (status & 0x7F)
        if code not in side.statuses:
            said = self._output.read_text(errors="replace").strip()[-_TAIL:]
            raise UnavailableError(f"{Path(command[0]).name} exited {code}: {said or 'silently'}")
        return wall / 1000, (user + system) / 1000, memory / 1024

    def _measured(self, command: list[str]) -> str:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, process_group=0
        )
        try:
            return process.communicate(timeout=_LIMIT)[0]
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise UnavailableError(f"it did not end within {_LIMIT} s") from error


def run_row(
    row: Row, timer: Sampler, *, rounds: int, report: Callable[[str], None], rng: random.Random
) -> Result:
    """Measure ``row``; a side that fails once is out, with its reason, and the others go on."""
    result = Result(row)
    sides: dict[str, Side] = {}
    for name, build in row.sides.items():
        try:
            sides[name] = build()
        except (UnavailableError, subprocess.CalledProcessError, OSError) as error:
            result.missing[name] = _reason(error)
    try:
        for count in range(rounds + 1):
            report(f"{row.key}: round {count}/{rounds}")
            _round(sides, timer, result, warm_up=count == 0, rng=rng)
    finally:
        for side in sides.values():
            side.close()
        sandbox.reap()
    return result


def _round(
    sides: dict[str, Side], timer: Sampler, result: Result, *, warm_up: bool, rng: random.Random
) -> None:
    order = [name for name in sides if name not in result.missing]
    rng.shuffle(order)
    for name in order:
        try:
            if warm_up and sides[name].together:
                result.together[name] = timer.memory(sides[name])
                continue
            sample = timer.sample(sides[name])
        except (UnavailableError, subprocess.CalledProcessError, OSError) as error:
            result.missing[name] = _reason(error)
            result.samples.pop(name, None)
            continue
        if not warm_up:
            result.samples.setdefault(name, []).append(sample)


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr or error.stdout or b""
        text = said.decode(errors="replace") if isinstance(said, bytes) else said
        name = Path(error.cmd[0]).name
        return f"{name} exited {error.returncode}: {text.strip()[-_TAIL:]}"
    return str(error)
