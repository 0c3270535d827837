"""Fuzzes one target in this process, which is used up by it; started by ``tests.fuzz.__main__``.

    python -m tests.fuzz.engine TARGET --seconds=30 --seed=1 --out=DIRECTORY

atheris (libFuzzer) chooses the inputs, by which lines of rktpy they reach. Where there is no
atheris, inputs are changed at random. What was found is printed as one line of JSON.
"""

from __future__ import annotations

import argparse
import base64
import json
import mmap
import os
import sys
import time
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from tests.fuzz.judge import Judge
    from tests.fuzz.target import Target

LONGEST = 1 << 20  # bytes of an input
_SECONDS = 6.0  # of processor time for an input; watched by atheris everything takes thrice as long
_FIRST = 2.0  # seconds after which there may be an input of a mebibyte, which may take one
_PAUSE = 0.4  # seconds between two of them
_LEAST = 0.3  # seconds for inputs that are no seeds
_PRINTED = 2048  # bytes of an input that are printed too


class Session:
    """One target, its judge and its time."""

    def __init__(self, options: argparse.Namespace, out: int) -> None:
        from tests.fuzz.judge import Judge
        from tests.fuzz.target import load

        self._name: str = options.target
        self.target: Target = load(options.target)
        self.seeds = list(self.target.seeds())
        self._judge: Judge = Judge(options.target, self.target, out, seconds=_SECONDS)
        self._last = _Last(out, options.target)
        self._random = Random(options.seed)
        self._begun = False
        self._answer = os.dup(1)
        self._started = time.monotonic()
        self._end = self._started + options.seconds
        self._next_stretch = self._started + _FIRST

    def _begin(self) -> None:
        """Take the process where the target wants to be, limit it, and try the seeds.

        Not before the first input: atheris imports parts of itself when it starts.
        """
        from tests.fuzz.judge import limit_space

        self._begun = True
        if self.target.enter is not None and os.geteuid() == 0:
            self.target.enter()
        for data in self.seeds:
            self._try(data)
        # Imports and seeds may take all the time there is for a target in half a minute for all.
        self._end = max(self._end, time.monotonic() + _LEAST)
        limit_space()

    def run(self, data: bytes) -> None:
        """Give ``data`` to the target, now and then something long too; end when it is time."""
        if not self._begun:
            self._begin()
        now = time.monotonic()
        if now > self._end:
            self.finish()
        self._try(data)
        if now >= self._next_stretch:
            base = data if data and self._random.random() < 0.5 else self._random.choice(self.seeds)
            self._try(self.target.stretch(base, self._random)[:LONGEST])
            later = time.monotonic()
            self._next_stretch = later + max(_PAUSE, 8 * (later - now))

    def _try(self, data: bytes) -> None:
        self._last.keep(data)
        self._judge.run(data)

    def changed(self, data: bytes, limit: int, seed: int) -> bytes:
        """Return another input made of ``data``, sometimes of a seed."""
        random = Random(seed)
        base = data if len(data) > 1 and random.random() < 0.9 else random.choice(self.seeds)
        return self.target.change(base, random)[:limit]

    def finish(self) -> NoReturn:
        """Say what was found and end the process at once: libFuzzer would go on."""
        found = [
            {
                "kind": one.kind,
                "text": one.text,
                "file": one.name(self._name),
                "data": base64.b85encode(one.data).decode() if len(one.data) <= _PRINTED else "",
            }
            for one in self._judge.findings
        ]
        seconds = time.monotonic() - self._started
        answer = {"executions": self._judge.executions, "seconds": seconds, "findings": found}
        os.write(self._answer, json.dumps(answer).encode() + b"\n")
        os._exit(0)


class _Last:
    """A file with the present input: one that ends the process, or never ends, is known then."""

    def __init__(self, out: int, target: str) -> None:
        fd = os.open(f"last-{target}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644, dir_fd=out)
        os.ftruncate(fd, LONGEST + 8)
        self._map = mmap.mmap(fd, LONGEST + 8)
        os.close(fd)

    def keep(self, data: bytes) -> None:
        self._map[:8] = len(data).to_bytes(8, "little")
        self._map[8 : 8 + len(data)] = data


def main() -> NoReturn:
    """Fuzz the target that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", required=True, help="directory for inputs that show something")
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        _blindly(options)
    _guided(atheris, options)


def _guided(atheris: Any, options: argparse.Namespace) -> NoReturn:
    corpus = os.path.join(options.out, "corpus", options.target)
    os.makedirs(corpus, exist_ok=True)
    out = os.open(options.out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with ExitStack() as stack:
        # Left never: what is imported late counts as well.
        stack.enter_context(atheris.instrument_imports(include=["rktpy"]))
        session = Session(options, out)

        def change(data: bytes, limit: int, seed: int) -> bytes:
            if seed % 4 == 0:
                return bytes(atheris.Mutate(data, limit))
            return session.changed(data, limit, seed)

        arguments = [
            "fuzz",
            f"-seed={options.seed}",
            f"-max_len={session.target.longest}",
            "-report_slow_units=1000000",  # the judge says what is slow
            "-timeout=1000000",  # who started us looks at the clock
            f"-artifact_prefix={options.out}/{options.target}-",
            "-close_fd_mask=3",  # what a target prints is of no use here
            *([] if session.target.enter else [corpus]),
        ]
        atheris.Setup(arguments, session.run, custom_mutator=change)
        atheris.Fuzz()
    raise AssertionError("the session ends the process")


def _blindly(options: argparse.Namespace) -> NoReturn:
    os.makedirs(options.out, exist_ok=True)
    session = Session(options, os.open(options.out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    random = Random(options.seed)
    kept = list(session.seeds)
    while True:
        data = session.changed(random.choice(kept), session.target.longest, random.getrandbits(32))
        session.run(data)
        if random.random() < 0.01:  # goes on from here, for a while
            kept[len(session.seeds) + random.randrange(64) :] = [data]


if __name__ == "__main__":
    sys.exit(main())
