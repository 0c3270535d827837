"""Runs inside a test host and starts what the tests ask for; the standard library only.

Frames in both directions: 4 bytes length (big endian), then that much JSON. Binary data is
base64. One channel serves any number of commands at once.

to the agent     {op: start, id, argv, env, cwd, tty}   {op: stdin, id, data}   {op: eof, id}
                 {op: kill, id, signal}                 {op: ping, id}
from the agent   {hello: 123}  {id, pid}  {id, out: data}  {id, err: data}
                 {id, exit: status, or -signal}         {id, failed: text}   {id, pong: 123}

The channel is the unix socket ``/var/lib/rktpy-test/agent.sock`` that we bind, or, in a
virtual machine, the virtio port named ``rktpy.agent``.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import glob
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import termios
import time
from typing import Any

SENTINEL = 123  # a status nobody returns by accident; also what a finished tier answers
SOCKET = "/var/lib/rktpy-test/agent.sock"
PORT_NAME = "rktpy.agent"
CHUNK = 1 << 16


class Framer:
    """Cuts a byte stream into the JSON objects of the protocol."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Add ``data`` and return the frames it completed."""
        self._data += data
        frames = []
        while len(self._data) >= 4:
            (size,) = struct.unpack_from(">I", self._data)
            if len(self._data) < 4 + size:
                break
            frames.append(json.loads(self._data[4 : 4 + size]))
            del self._data[: 4 + size]
        return frames


def frame(message: dict[str, Any]) -> bytes:
    """Return ``message`` as it goes over the wire."""
    text = json.dumps(message).encode()
    return struct.pack(">I", len(text)) + text


def encode(data: bytes) -> str:
    """Return binary ``data`` as it stands in a frame."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of a frame's text."""
    return base64.b64decode(text)


class Command:
    """One started program: its process and the ends of its streams that we hold."""

    def __init__(self, number: int, request: dict[str, Any]) -> None:
        self.number = number
        self.pending = bytearray()  # for its stdin
        self.at_eof = False
        env = {**os.environ, **request.get("env", {})}
        argv, cwd = request["argv"], request.get("cwd", "/")
        if request.get("tty"):
            master, slave = os.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
            try:
                self.process = subprocess.Popen(
                    argv, env=env, cwd=cwd, stdin=slave, stdout=slave, stderr=slave,
                    start_new_session=True, preexec_fn=lambda: _control(slave),
                )  # fmt: skip
            except BaseException:
                os.close(master)
                raise
            finally:
                os.close(slave)
            self.stdin = master
            self.outputs = {os.dup(master): "out"}
        else:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(
                argv, env=env, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe,
                start_new_session=True, bufsize=0,
            )  # fmt: skip
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            assert self.process.stderr is not None
            self.stdin = os.dup(self.process.stdin.fileno())
            self.process.stdin.close()
            self.outputs = {}
            for stream, name in ((self.process.stdout, "out"), (self.process.stderr, "err")):
                self.outputs[os.dup(stream.fileno())] = name
                stream.close()
        self.pidfd = os.pidfd_open(self.process.pid)
        for fd in (self.stdin, *self.outputs):
            os.set_blocking(fd, False)


def _control(slave: int) -> None:
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


class Agent:
    """Serves one channel until its other end is gone."""

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self._framer = Framer()
        self._commands: dict[int, Command] = {}
        self._poll = selectors.DefaultSelector()

    def serve(self) -> None:
        """Answer until end of file; what still runs then is killed."""
        self._send({"hello": SENTINEL})
        self._poll.register(self._channel, selectors.EVENT_READ, ("channel", None))
        try:
            while self._round():
                pass
        finally:
            for command in self._commands.values():
                with contextlib.suppress(OSError):
                    os.killpg(command.process.pid, 9)
                command.process.wait()

    def _round(self) -> bool:
        for key, _ in self._poll.select():
            if self._poll.get_map().get(key.fd) != key:
                continue  # closed while we handled another of this round
            what, command = key.data
            if what == "channel":
                data = os.read(self._channel, CHUNK)
                if not data:
                    return False
                for message in self._framer.feed(data):
                    self._obey(message)
            elif what == "stdin":
                self._push(command)
            elif what == "exit":
                self._ended(command)
            else:
                self._pull(command, key.fd)
        return True

    def _obey(self, message: dict[str, Any]) -> None:
        number, op = message["id"], message["op"]
        command = self._commands.get(number)
        if op == "start":
            self._start(number, message)
        elif op == "ping":
            self._send({"id": number, "pong": SENTINEL})
        elif command is None:
            return  # it ended while the frame was on its way
        elif op == "stdin":
            command.pending += decode(message["data"])
            self._push(command)
        elif op == "eof":
            command.at_eof = True
            self._push(command)
        elif op == "kill":
            command.process.send_signal(message["signal"])

    def _start(self, number: int, message: dict[str, Any]) -> None:
        try:
            command = Command(number, message)
        except OSError as error:
            self._send({"id": number, "failed": str(error)})
            return
        self._commands[number] = command
        self._poll.register(command.pidfd, selectors.EVENT_READ, ("exit", command))
        for fd in command.outputs:
            self._poll.register(fd, selectors.EVENT_READ, ("output", command))
        self._send({"id": number, "pid": command.process.pid})

    def _push(self, command: Command) -> None:
        """Move pending input into the command; wait for room if its pipe is full."""
        if command.stdin < 0:
            return
        try:
            while command.pending:
                del command.pending[: os.write(command.stdin, command.pending[:CHUNK])]
        except BlockingIOError:
            if command.stdin not in self._poll.get_map():
                self._poll.register(command.stdin, selectors.EVENT_WRITE, ("stdin", command))
            return
        except OSError:
            command.pending.clear()  # it closed its stdin or is gone
            command.at_eof = True
        if command.stdin in self._poll.get_map():
            self._poll.unregister(command.stdin)
        if command.at_eof:
            os.close(command.stdin)
            command.stdin = -1

    def _pull(self, command: Command, fd: int) -> bool:
        """Forward one chunk of output; return whether there was any."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # a terminal whose other side is closed
        if not data:
            self._poll.unregister(fd)
            del command.outputs[fd]
            os.close(fd)
            return False
        self._send({"id": command.number, command.outputs[fd]: encode(data)})
        return True

    def _ended(self, command: Command) -> None:
        """The process is gone: hand on what its pipes still hold, never wait for its children."""
        self._poll.unregister(command.pidfd)
        os.close(command.pidfd)
        status = command.process.wait()
        for fd in list(command.outputs):
            while fd in command.outputs and self._pull(command, fd):
                pass
            if fd in command.outputs:
                self._poll.unregister(fd)
                os.close(fd)
        if command.stdin >= 0:
            if command.stdin in self._poll.get_map():
                self._poll.unregister(command.stdin)
            os.close(command.stdin)
        del self._commands[command.number]
        self._send({"id": command.number, "exit": status})

    def _send(self, message: dict[str, Any]) -> None:
        data = memoryview(frame(message))
        while data:
            data = data[os.write(self._channel, data) :]


def _port() -> str | None:
    """Return the device of our virtio port, or None where there is none."""
    for path in glob.glob("/sys/class/virtio-ports/*/name"):
        with open(path, encoding="ascii") as file:
            if file.read().strip() == PORT_NAME:
                return f"/dev/{path.split('/')[-2]}"
    return None


def _serve_port(device: str) -> None:
    while True:
        channel = os.open(device, os.O_RDWR | os.O_CLOEXEC)
        with contextlib.suppress(OSError):
            Agent(channel).serve()
        os.close(channel)
        time.sleep(0.1)  # nobody is connected at the other side: reads give end of file at once


def _serve_socket() -> None:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SOCKET)
    listener.bind(SOCKET)
    listener.listen(1)
    while True:
        channel, _ = listener.accept()
        with channel, contextlib.suppress(OSError):
            Agent(channel.fileno()).serve()


def main() -> int:
    """Serve for ever."""
    device = _port()
    if device:
        _serve_port(device)
    else:
        _serve_socket()
    return 1


if __name__ == "__main__":
    sys.exit(main())
