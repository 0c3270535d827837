"""The command line under test: runs ``rktpy`` on one data directory and keeps what it said."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Arg = str | os.PathLike[str]

T = TypeVar("T")

COMMAND = Path(sys.executable).with_name("rktpy")
PATIENCE = 180.0  # seconds; only a hang takes so long, also on a machine with much else to do
_TAG = re.compile(r"^\[[ \d.]+\] (?P<app>[\w-]+)\[\d+\]: (?P<text>.*)$")


@dataclass(frozen=True)
class Done:
    """What one command returned; ``status`` is negative if a signal ended it."""

    status: int
    out: str
    err: str

    def lines(self, app: str = "") -> list[str]:
        """Return what ``app`` (default: any) printed, without time stamp and identifier."""
        found = []
        for line in self.out.splitlines():
            match = _TAG.match(line.rstrip("\r"))
            if match and app in ("", match["app"]):
                found.append(match["text"])
        return found

    def fields(self) -> dict[str, str]:
        """Return the ``name=value`` lines of ``status``."""
        pairs = (line.partition("=") for line in self.out.splitlines())
        return {name: value for name, equals, value in pairs if equals}


class Rktpy:
    """``rktpy`` with ``--dir`` set; every call is a new process."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def argv(self, *args: Arg) -> list[str]:
        options = [f"--dir={self.data}", "--insecure-options=image"]
        return [str(COMMAND), *options, *[os.fspath(arg) for arg in args]]

    def __call__(
        self, *args: Arg, env: Mapping[str, str] | None = None, given: bytes = b""
    ) -> Done:
        """Run a command to its end, with ``given`` as its standard input."""
        done = subprocess.run(
            self.argv(*args),
            env={**os.environ, **(env or {})},
            stdin=None if given else subprocess.DEVNULL,
            input=given or None,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return Done(done.returncode, _text(done.stdout), _text(done.stderr))

    def ok(self, *args: Arg, env: Mapping[str, str] | None = None) -> str:
        """Run a command that must succeed and return its standard output."""
        done = self(*args, env=env)
        assert done.status == 0, f"{args}: {done}"
        return done.out

    def run(self, *args: Arg, env: Mapping[str, str] | None = None) -> Done:
        """Run a pod to its end; without network, which costs least, unless ``args`` say so."""
        return self("run", *self.network(args), *args, env=env)

    @staticmethod
    def network(args: Sequence[Arg]) -> list[str]:
        """Return the option for no network, unless ``args`` have one."""
        return [] if any(str(arg).startswith("--net") for arg in args) else ["--net=none"]

    def start(
        self, *args: Arg, stdin: bool = False, env: Mapping[str, str] | None = None
    ) -> Running:
        """Start ``run …`` or ``run-prepared … UUID`` in the background; ``stdin`` is a pipe."""
        return Running(self, [os.fspath(arg) for arg in args], stdin=stdin, env=env or {})

    def prepare(self, *args: Arg) -> str:
        """Prepare a pod and return its UUID."""
        return self.ok("prepare", *args).strip()

    def status(self, uuid: str) -> dict[str, str]:
        done = self("status", uuid)
        assert done.status == 0, done
        return done.fields()

    def collect(self) -> Done:
        """Take away everything that does not run."""
        return self("gc", "--grace-period=0s", "--expire-prepared=0s")

    def has_stage1(self) -> bool:
        """Return whether a tree of stage1 is there; no process, as each test asks."""
        trees = self.data.glob("cas/tree/*/rendered")
        return any((tree.parent / "rootfs/usr/lib/systemd/systemd").exists() for tree in trees)

    def pods(self) -> list[str]:
        """Return ``phase/name`` of all there is below ``pods``."""
        return sorted(str(p.relative_to(self.data / "pods")) for p in self.data.glob("pods/*/*"))


class Running:
    """A pod in the background; leaving the ``with`` block kills it if it still runs."""

    def __init__(self, rkt: Rktpy, args: list[str], *, stdin: bool, env: Mapping[str, str]) -> None:
        self._rkt = rkt
        self._file = rkt.data.parent / f"uuid-{time.monotonic_ns()}"
        if args[0] == "run":
            args[1:1] = [*rkt.network(args), f"--uuid-file-save={self._file}"]
        else:
            self._file.write_text(args[-1])
        self.process = subprocess.Popen(
            rkt.argv(*args),
            env={**os.environ, **env},
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self._seen = b""

    @property
    def uuid(self) -> str:
        """The UUID, as soon as the pod has one."""

        def saved() -> str:
            return self._file.read_text() if self._file.exists() else ""

        return until(saved, "UUID")

    @property
    def init(self) -> int:
        """The pod's PID 1, if it has one already."""
        nspawn = self.process.pid
        (first,) = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
        return int(first)

    def ready(self) -> str:
        """Wait until all apps are started; return the UUID."""
        uuid = self.uuid
        done = self._rkt("status", f"--wait-ready={PATIENCE:.0f}s", uuid)
        assert done.status == 0, (done, self.process.poll())
        return uuid

    def until(self, look: Callable[[], T | None], what: str) -> T:
        """``until``, while the pod runs: one that ended says why in the failure."""

        def found() -> T | None:
            assert self.process.poll() is None, (what, self.end())
            return look()

        return until(found, what)

    def says(self, text: str) -> None:
        """Wait until an app has printed a line that ends in ``text``."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            self._seen += line
            if line.rstrip().endswith(text.encode()):
                return
        raise AssertionError(f"no line {text!r} in {self._seen!r}")

    def shows(self, pattern: str) -> re.Match[str]:
        """Wait until a line matches somewhere, and return how."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            self._seen += line
            if match := re.search(pattern, _text(line)):
                return match
        raise AssertionError(f"no line {pattern!r} in {self._seen!r}: {self.end()}")

    def type(self, text: bytes) -> None:
        """Write to the pod's standard input, which must be a pipe."""
        assert self.process.stdin is not None
        self.process.stdin.write(text)

    def end(self) -> Done:
        """Wait for the end and return what the pod's process said."""
        out, err = self.process.communicate(timeout=PATIENCE)
        self._seen, out = b"", self._seen + out
        return Done(self.process.returncode, _text(out), _text(err))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self._rkt("stop", "--force", self.uuid)
        self.process.communicate(timeout=PATIENCE)
        self._file.unlink(missing_ok=True)


def until(look: Callable[[], T | None], what: str) -> T:
    """Call ``look`` until it returns something true, and return that."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, f"no {what} after {PATIENCE:.0f} s"
        time.sleep(0.005)
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
