"""The steps of the demo, in order, and how it cleans up wherever it ended."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.closure import redis_aci

if TYPE_CHECKING:
    from collections.abc import Sequence

IMAGE = "debian.org/redis-server"
_READY = "30s"
_END_SECONDS = 30


class DemoError(Exception):
    """A step did not do what the tutorial says."""


class Story:
    """One telling: a temporary directory, a data directory in it, and the pod's process."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="rktpy-demo-"))
        self._data = self._home / "rkt"
        self._uuid_file = self._home / "uuid"
        self._volume = self._home / "redis-data"
        self._log = self._home / "pod.log"
        self._pod: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        self._address = ("127.0.0.1", self._port)

    def tell(self) -> None:
        """Run all steps.

        Raises:
            DemoError: one failed.
        """
        self._fetch()
        self._start()
        self._use()
        self._look()
        self._stop()
        self._collect()

    def clean_up(self) -> list[str]:
        """Kill and remove whatever is left; return what should not have been there any more."""
        left = []
        if self._pod and self._pod.poll() is None:
            left.append(f"process {self._pod.pid}: the pod was still running")
            self._pod.kill()
            self._pod.wait()
            self._rktpy_quietly("gc", "--grace-period=0s")
        with contextlib.suppress(OSError):
            left += [f"pod {path.name}" for path in (self._data / "pods/run").iterdir()]
        mounts = Path("/proc/self/mountinfo").read_text()
        left += [line for line in mounts.splitlines() if str(self._home) in line]
        shutil.rmtree(self._home, ignore_errors=True)
        return left

    # -- the chapters ---------------------------------------------------------------------------

    def _fetch(self) -> None:
        _say("Debian's redis-server, its libraries and a manifest make an app container image:")
        image = redis_aci(self._home / "redis.aci", port=self._port, compression="gzip")
        _say(f"  {image} ({image.stat().st_size >> 20} MiB; user redis, port {self._port})")
        _say("\nAll that follows keeps its state in a directory of its own:")
        _say(f"$ alias rktpy={shlex.quote(shlex.join(self._command()))}")
        _say("\nThe image goes into the store. It is not signed, which must be said aloud:")
        self._rktpy("--insecure-options=image", "fetch", str(image))
        self._expect(IMAGE, self._rktpy("image", "list"))

    def _start(self) -> None:
        _say("\nA pod is a process of whoever starts it; here it runs in the background,")
        _say("with the host's network and a directory of the host for its data:")
        self._volume.mkdir()
        # The image's own user: uid 499 there and outside.
        os.chown(self._volume, 499, 499)
        arguments = (
            "--insecure-options=image", "run", "--net=host", f"--uuid-file-save={self._uuid_file}",
            f"--volume=data,kind=host,source={self._volume}", IMAGE,
        )  # fmt: skip
        _show("rktpy", *arguments, "&")
        with self._log.open("wb") as log:
            command = self._command(*arguments)
            self._pod = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait_for_uuid()
        state = self._rktpy("status", f"--wait-ready={_READY}", self._uuid)
        self._expect("state=running", state)

    def _use(self) -> None:
        self._wait_for_redis()
        _say("\nIt is a redis like any other:")
        self._redis("PONG", "ping")
        self._redis("OK", "set", "greeting", "hello from a pod")
        self._redis("hello from a pod", "get", "greeting")
        self._redis("OK", "save")
        _say("\nWhat it saved is on the host:")
        self._expect("dump.rdb", self._run("ls", "-l", str(self._volume)))

    def _look(self) -> None:
        _say("\nThe pods of this machine, and this one:")
        self._expect("running", self._rktpy("list"))
        self._rktpy("status", self._uuid)
        _say("\nA program of the image, inside the running pod:")
        self._expect("Redis server", self._rktpy("enter", self._uuid, IMAGE_PROGRAM, "--version"))
        _say("\nThe log of the pod is its own journal, to be read from outside:")
        journal = f"--directory={self._journal()}"
        self._expect("Ready to accept connections", self._run("journalctl", "--no-pager", journal))

    def _stop(self) -> None:
        _say("\nThe pod stops in order, and redis says goodbye in the log:")
        journal = self._journal()
        self._rktpy("stop", self._uuid)
        if self._pod is None:
            raise DemoError("there is no pod")
        try:
            status = self._pod.wait(_END_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise DemoError(f"the pod still runs {_END_SECONDS} s after rktpy stop") from error
        _say(f"[the pod's process ended with status {status}]")
        if status != 0:
            raise DemoError(f"the pod ended with status {status}:\n{self._log.read_text()}")
        self._expect(
            "bye bye",
            self._run("journalctl", "--no-pager", "--lines=4", f"--directory={journal}"),
        )
        self._expect("app-redis-server=0", self._rktpy("status", self._uuid))

    def _collect(self) -> None:
        _say("\nAn exited pod stays for inspection until it is collected:")
        self._rktpy("gc", "--grace-period=0s")
        if self._uuid[:8] in self._rktpy("list"):
            raise DemoError("rktpy gc left the pod")
        self._rktpy("image", "rm", IMAGE)

    # -- how ------------------------------------------------------------------------------------

    @property
    def _uuid(self) -> str:
        return self._uuid_file.read_text().strip()

    def _wait_for_uuid(self) -> None:
        while not (self._uuid_file.exists() and self._uuid):
            if self._pod is None or self._pod.poll() is not None:
                raise DemoError(f"the pod did not start:\n{self._log.read_text()}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._pod.wait(0.02)

    def _wait_for_redis(self) -> None:
        """The pod is ready once its services have been started; redis listens a moment later."""
        deadline = time.monotonic() + _END_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(self._address, 1):
                return
            if time.monotonic() > deadline:
                raise DemoError(f"redis does not listen on port {self._port}")
            time.sleep(0.05)

    def _journal(self) -> Path:
        """Return the directory that holds the pod's journal files."""
        name = self._uuid.replace("-", "")
        for directory, names, _files in os.walk(self._data / "pods/run" / self._uuid):
            if name in names and directory.endswith("var/log/journal"):
                return Path(directory, name)
        raise DemoError("the pod has no journal")

    def _command(self, *arguments: str) -> list[str]:
        return [*_launcher(), f"--dir={self._data}", *arguments]

    def _rktpy(self, *arguments: str) -> str:
        _show("rktpy", *arguments)
        return self._finish(self._command(*arguments))

    def _rktpy_quietly(self, *arguments: str) -> None:
        subprocess.run(self._command(*arguments), check=False, capture_output=True)

    def _redis(self, answer: str, *arguments: str) -> None:
        self._expect(answer, self._run("redis-cli", "-p", str(self._port), *arguments))

    def _run(self, *command: str) -> str:
        _show(*command)
        return self._finish(command)

    def _finish(self, command: Sequence[str]) -> str:
        result = subprocess.run(
            command, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        sys.stdout.write(result.stdout)
        sys.stdout.flush()
        if result.returncode != 0:
            raise DemoError(f"{shlex.join(command)} exited {result.returncode}")
        return result.stdout

    def _expect(self, text: str, output: str) -> None:
        if text not in output:
            raise DemoError(f"{text!r} was expected in the output above")


IMAGE_PROGRAM = "/usr/bin/redis-server"


def _launcher() -> list[str]:
    installed = Path(sys.executable).with_name("rktpy")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "rktpy"]


def _free_port() -> int:
    """Return a TCP port of loopback nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _show(*words: str) -> None:
    background = [words[-1]] if words[-1] == "&" else []
    line = shlex.join(words[: len(words) - len(background)])
    _say(" ".join(["$", line, *background]))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
