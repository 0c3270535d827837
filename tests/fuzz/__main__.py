"""Fuzzes all targets, or some: ``python -m tests.fuzz --seconds=600``; what ``make fuzz`` calls.

The time is shared out among the targets, one process each, as many at once as there are
processors. Inputs that show something are left in ``--out``; ``--replay`` runs them again. Exits
with 1 if anything was found.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzz.judge import Finding, Judge
from tests.fuzz.target import Target, load, names

_COVERAGE = re.compile(rb"\bcov: (\d+)")
_LATE = 20.0  # seconds after which a process that does not end is ended
_START = 1.5  # seconds to start a process and import what it fuzzes, of which none is fuzzed


@dataclass
class Outcome:
    """What became of one target."""

    name: str
    executions: int = 0
    seconds: float = 0.0
    coverage: tuple[int, int] = (0, 0)  # places reached by the seeds, and in the end
    findings: list[dict[str, str]] = field(default_factory=list)

    def line(self) -> str:
        first, last = self.coverage
        rate = self.executions / self.seconds if self.seconds else 0.0
        new = f"+{last - first}" if last else "-"
        return (
            f"{self.name:16} {self.executions:>10} {rate:>9.0f}/s {last:>7} {new:>6}"
            f" {len(self.findings):>6}"
        )


def main() -> int:
    """Carry out the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=600.0, help="for all targets together")
    parser.add_argument("--target", default="", help="some of them, between commas")
    parser.add_argument("--seed", type=int, default=0, help="0: of the time")
    parser.add_argument("--out", default=".cache/fuzz")
    parser.add_argument("--replay", nargs="*", help="inputs, called TARGET-…, to run once each")
    options = parser.parse_args()
    if options.replay:
        return _replay(options.replay)
    chosen = options.target.split(",") if options.target else names()
    options.seed = options.seed or int(time.time()) & 0x7FFFFFFF
    os.makedirs(options.out, exist_ok=True)
    jobs = len(os.sched_getaffinity(0))
    share = max(1.0, options.seconds * jobs / len(chosen) - _START)
    _say(f"seed {options.seed}, {len(chosen)} targets, {share:.1f} s each")
    _say(f"{'target':16} {'executions':>10} {'':>11} {'reached':>7} {'new':>6} {'found':>6}")
    printing = threading.Lock()

    def fuzz(name: str) -> Outcome:
        outcome = _fuzz(name, share, options)
        with printing:
            _say(outcome.line())
        return outcome

    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(fuzz, chosen))
    for outcome in outcomes:
        for finding in outcome.findings:
            _say(_report(outcome.name, finding, options.out))
    _say(f"{sum(o.executions for o in outcomes)} executions")
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def _fuzz(name: str, seconds: float, options: argparse.Namespace) -> Outcome:
    argv = [sys.executable, "-m", "tests.fuzz.engine", name, f"--seconds={seconds}",
            f"--seed={options.seed}", f"--out={os.path.abspath(options.out)}"]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="rktpy-fuzz-") as scratch:
        # Rust's libraries would look up the names of all functions at each error.
        environment = os.environ | {"TMPDIR": scratch, "RUST_BACKTRACE": "0"}
        with subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        ) as process:
            try:
                out, err = process.communicate(timeout=seconds + _LATE)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
    reached = [int(number) for number in _COVERAGE.findall(err)]
    outcome = Outcome(name, coverage=(reached[0], reached[-1]) if reached else (0, 0))
    try:
        answer: dict[str, Any] = json.loads(out.splitlines()[-1])
    except (ValueError, IndexError):
        # Ended by a signal, or by us because an input has no end.
        text = err.decode("utf-8", "replace")[-2000:]
        kind = f"status {process.returncode}"
        outcome.findings = [{"kind": kind, "text": text, "file": _last(name, options.out)}]
        return outcome
    outcome.executions, outcome.seconds = answer["executions"], answer["seconds"]
    outcome.findings = answer["findings"]
    return outcome


def _last(name: str, out: str) -> str:
    """Keep the input that was being run; return what the file is called."""
    content = Path(f"{out}/last-{name}").read_bytes()
    data = content[8 : 8 + int.from_bytes(content[:8], "little")]
    file = Finding("", "", data).name(name)
    Path(f"{out}/{file}").write_bytes(data)
    return file


def _report(name: str, finding: dict[str, str], out: str) -> str:
    lines = [f"== {name}: {finding['kind']}", finding["text"].rstrip()]
    if finding["file"]:
        lines.append(f"again: python -m tests.fuzz --replay {out}/{finding['file']}")
    if finding.get("data"):
        lines.append(f"input, in base 85: {finding['data']}")
    return "\n".join(lines)


def _replay(paths: list[str]) -> int:
    statuses = []
    for path in paths:
        pid = os.fork()  # some targets leave a process good for nothing else
        if pid == 0:
            os._exit(_replay_one(path))
        statuses.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    return 1 if any(statuses) else 0


def _replay_one(path: str) -> int:
    name = Path(path).name.partition("-")[0]
    target, data = load(name), Path(path).read_bytes()
    if target.enter is not None and os.geteuid() == 0:
        target.enter()
        return 1 if _judged(name, target, data).findings else 0
    with tempfile.TemporaryDirectory(prefix="rktpy-fuzz-") as scratch:
        tempfile.tempdir = scratch
        return 1 if _judged(name, target, data).findings else 0


def _judged(name: str, target: Target, data: bytes) -> Judge:
    judge = Judge(name, target)
    judge.run(data)
    for finding in judge.findings:
        _say(_report(name, finding._asdict() | {"file": "", "data": ""}, ""))
    _say(f"{name}: {len(judge.findings)} found")
    return judge


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
