"""A booted host as the tests see it: commands with their real exit status, files, its journal."""

from __future__ import annotations

import json
import os
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support import agent, leaks

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping, Sequence

    from tests.support.leaks import Snapshot


class HostError(Exception):
    """The host did not do what the test needs; the text carries the evidence."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended. ``status`` is its exit status, or minus the signal that killed it."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        text = f"$ {' '.join(self.argv)}\n-> {self.status} after {self.seconds:.2f} s\n"
        return f"{text}{self.stdout}{self.stderr}"


class RemoteProcess:
    """A command running in the host; ``pid`` is its number there."""

    def __init__(self, link: AgentLink, number: int, argv: Sequence[str]) -> None:
        self._link = link
        self._number = number
        self._started = time.monotonic()
        self.argv = tuple(argv)
        self.pid = 0
        self.status: int | None = None
        self.failure = ""
        self.out = bytearray()
        self.err = bytearray()

    def take(self, message: dict[str, Any]) -> None:
        """Note what the agent said about this command."""
        if "pid" in message:
            self.pid = message["pid"]
        elif "out" in message:
            self.out += agent.decode(message["out"])
        elif "err" in message:
            self.err += agent.decode(message["err"])
        elif "exit" in message:
            self.status = message["exit"]
        elif "failed" in message:
            self.failure = message["failed"]

    def write(self, data: bytes) -> None:
        """Send ``data`` to its standard input (or terminal)."""
        for start in range(0, len(data), agent.CHUNK):
            piece = agent.encode(data[start : start + agent.CHUNK])
            self._link.send({"op": "stdin", "id": self._number, "data": piece})

    def close_stdin(self) -> None:
        """Let it read end of file."""
        self._link.send({"op": "eof", "id": self._number})

    def kill(self, signal: int) -> None:
        """Send ``signal`` to this process alone."""
        self._link.send({"op": "kill", "id": self._number, "signal": int(signal)})

    def wait_for_output(self, text: str, *, timeout: float = 30) -> str:
        """Wait until ``text`` stands in its output or error output; return all output so far."""
        wanted = text.encode()
        self._link.pump(
            lambda: wanted in self.out or wanted in self.err or self.status is not None, timeout
        )
        if wanted not in self.out and wanted not in self.err:
            raise HostError(f"{text!r} never came\n{self.so_far()}")
        return self.out.decode(errors="replace")

    def wait_until(self, done: Callable[[], bool], *, timeout: float = 60) -> bool:
        """Take its output until ``done`` or ``timeout`` s are over; return whether it is done."""
        return self._link.pump(done, timeout)

    def wait(self, *, timeout: float = 60) -> Result:
        """Wait for its end; kill it and raise HostError if it takes longer than ``timeout`` s."""
        if not self._link.pump(lambda: self.status is not None, timeout):
            self.kill(9)
            self._link.pump(lambda: self.status is not None, 5)
            raise HostError(f"not done after {timeout:.0f} s\n{self.so_far()}")
        return self.so_far()

    def so_far(self) -> Result:
        """Return status (0 while running) and output as far as they are known."""
        spent = time.monotonic() - self._started
        out, err = self.out.decode(errors="replace"), self.err.decode(errors="replace")
        return Result(self.argv, self.status or 0, out, err, spent)


class AgentLink:
    """Speaks the agent's protocol over one channel, any number of commands at once."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._framer = agent.Framer()
        self._processes: dict[int, RemoteProcess] = {}
        self.started = 0  # how many commands, so far
        self._next = 1
        self._pongs: set[int] = set()

    def greet(self, timeout: float) -> None:
        """Wait until the agent answers a ping sent after its hello."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            number = self._number()
            self.send({"op": "ping", "id": number})
            if self.pump(lambda number=number: number in self._pongs, 1.0):  # type: ignore[misc]
                return
        raise HostError(f"the agent did not answer within {timeout:.0f} s")

    def start(self, argv: Sequence[str], **more: object) -> RemoteProcess:
        """Start ``argv``; raises HostError if the host cannot."""
        number = self._number()
        process = RemoteProcess(self, number, argv)
        self.started += 1
        self._processes[number] = process
        self.send({"op": "start", "id": number, "argv": list(argv), **more})
        self.pump(lambda: bool(process.pid or process.failure), 30)
        if not process.pid:
            raise HostError(f"{' '.join(argv)}: {process.failure or 'the agent does not answer'}")
        return process

    def send(self, message: dict[str, Any]) -> None:
        """Send one frame, reading meanwhile: the agent may have to get rid of output first."""
        data = memoryview(agent.frame(message))
        while data:
            readable, writable, _ = select.select([self._channel], [self._channel], [])
            if readable:
                self._receive()
            if writable:
                data = data[self._channel.send(data[: agent.CHUNK]) :]

    def pump(self, done: Callable[[], bool], timeout: float) -> bool:
        """Handle frames until ``done`` or ``timeout`` s are over; return whether it is done."""
        end = time.monotonic() + timeout
        while not done():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._channel], [], [], left)[0]:
                return done()
            self._receive()
        return True

    def close(self) -> None:
        """Hang up; the agent kills what we left running."""
        self._channel.close()

    def _receive(self) -> None:
        data = self._channel.recv(1 << 20)
        if not data:
            raise HostError("the host hung up")
        for message in self._framer.feed(data):
            self._dispatch(message)

    def _dispatch(self, message: dict[str, Any]) -> None:
        if message.get("pong") == agent.SENTINEL:
            self._pongs.add(message["id"])
            return
        process = self._processes.get(message.get("id", 0))
        if process:
            process.take(message)
            if process.status is not None or process.failure:
                del self._processes[message["id"]]

    def _number(self) -> int:
        self._next += 1
        return self._next


class RemoteHost:
    """What container and virtual machine have in common. The commands run as root, as in a
    login session's shell: below ``user.slice``, in a session scope, in no service.
    """

    name: str
    slowness: float = 1.0  # factor on every default timeout

    def __init__(self) -> None:
        self.keep = False  # its journal, for whoever looks into a failure
        self._link: AgentLink | None = None
        # How many commands had been started when nothing was left behind, and what was there.
        self._clean: tuple[int, Snapshot] | None = None

    @property
    def link(self) -> AgentLink:
        """The connection; HostError while the host is down."""
        if self._link is None:
            raise HostError(f"{self.name} is not running")
        return self._link

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        tty: bool = False,
    ) -> RemoteProcess:
        """Start ``argv`` and return at once; ``tty`` gives it a terminal of its own."""
        return self.link.start(argv, env=dict(env or {}), cwd=cwd, tty=tty)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        timeout: float = 60,
        status: int | None = 0,
    ) -> Result:
        """Run ``argv`` to its end and return how it ended.

        Raises:
            HostError: the exit status is not ``status`` (None: any will do), or it took longer.
        """
        process = self.start(argv, env=env, cwd=cwd)
        if stdin:
            process.write(stdin)
        process.close_stdin()
        result = process.wait(timeout=timeout * self.slowness)
        if status is not None and result.status != status:
            raise HostError(f"expected exit status {status}\n{result}")
        return result

    def sh(self, script: str, *args: str, timeout: float = 60, status: int | None = 0) -> Result:
        """Run a shell script, stopping at its first failure; ``args`` are $1, $2 …"""
        return self.run(["sh", "-euc", script, "sh", *args], timeout=timeout, status=status)

    def write(self, path: str, data: bytes | str, *, mode: int = 0o644) -> None:
        """Write a file in the host, making its directories."""
        script = 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"'
        raw = data.encode() if isinstance(data, str) else data
        self.run(["sh", "-euc", script, "sh", path, f"{mode:o}"], stdin=raw, timeout=120)

    def read(self, path: str) -> str:
        """Return the text of a file in the host."""
        return self.run(["cat", path]).stdout

    def put(self, source: str, target: str) -> None:
        """Copy the file ``source`` of this machine to ``target`` in the host, with its mode."""
        with open(source, "rb") as file:
            self.write(target, file.read(), mode=os.stat(source).st_mode & 0o7777)

    def wait_until(self, script: str, *args: str, timeout: float = 60) -> None:
        """Wait until the shell ``script`` succeeds in the host."""
        end = time.monotonic() + timeout * self.slowness
        while (last := self.sh(script, *args, status=None)).status != 0:
            if time.monotonic() > end:
                raise HostError(f"still not so after {timeout * self.slowness:.0f} s\n{last}")
            time.sleep(0.05)

    def snapshot(self) -> Snapshot:
        """Return what there is in the host now (see ``leaks``)."""
        with open(leaks.__file__, "rb") as file:
            code = file.read()
        result = self.run(["python3", "-I", "-"], stdin=code, status=leaks.SENTINEL)
        snapshot: Snapshot = json.loads(result.stdout)
        return snapshot

    def leaks(self, before: Snapshot, *, deadline: float = leaks.PATIENCE) -> list[str]:
        """Return what was left behind since ``before``, perhaps of an earlier boot."""
        first = [self.snapshot()]
        same = before[leaks.BOOT] == first[0][leaks.BOOT]

        def taken() -> Snapshot:
            snapshot = first.pop() if first else self.snapshot()
            self._clean = (self.link.started, snapshot)
            return snapshot if same else leaks.of_another_boot(snapshot)

        known = before if same else leaks.of_another_boot(before)
        found = leaks.settled(known, taken, deadline=deadline * self.slowness)
        if found:
            self._clean = None
        return found

    def untouched(self) -> Snapshot:
        """Return what is there, without a look if nothing was asked for since ``leaks`` had one."""
        if self._clean is not None and self._clean[0] == self.link.started:
            return self._clean[1]
        return self.snapshot()

    def check_booted(self, *, timeout: float) -> None:
        """Wait for the end of the boot; HostError if a unit failed on the way."""
        state = self.run(
            ["systemctl", "is-system-running", "--wait"], timeout=timeout, status=None
        ).stdout.strip()
        if state != "running":
            failed = self.sh(
                "systemctl --failed --no-pager; journalctl -p err -b --no-pager"
            ).stdout
            raise HostError(f"{self.name} came up {state}\n{failed}")
