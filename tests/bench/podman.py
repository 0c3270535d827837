"""The peer: Debian's podman with storage, state and cgroups of its own.

States that take long to make (1000 exited containers, 100 images) are made once through podman's
own API, which does not load everything anew for each, and kept as archives in the test cache. An
archive is unpacked once per bench; after that only what podman changed comes back from it.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

from tests.bench import sandbox
from tests.bench.model import Command, UnavailableError
from tests.support import cache
from tests.support.closure import find_binary

IMAGE = "localhost/bench:latest"
_LOCKS = Path("/dev/shm/libpod_lock")  # podman's locks, whatever its other directories are
_RECIPE = 3  # raise it when what is kept in the cache is made differently
# Root without CAP_SYS_RESOURCE may not raise limits, and podman's defaults do (peers.md 1.4).
_LIMITS = ("nofile=1024:1024", "nproc=1024:1024")
_START_SECONDS = 20


class Podman:
    """A podman whose whole state is below ``home``; ``home`` must be the same path in each run."""

    def __init__(self, home: Path) -> None:
        try:
            self._program = str(find_binary("podman"))
        except FileNotFoundError as error:
            raise UnavailableError(str(error)) from error
        self.home = home
        self._there = ""  # which kept state is in its place now
        home.mkdir(parents=True, exist_ok=True)
        config = home / "containers.conf"
        config.write_text(_configuration())
        self._prefix: Command = ("/usr/bin/env", f"CONTAINERS_CONF={config}", self._program)

    def command(self, *arguments: str, state: str = "state") -> Command:
        """Return the command line for ``podman ARGUMENTS``; ``state`` names a directory in home."""
        where = self.home / state
        return (
            *self._prefix, f"--root={where}/root", f"--runroot={where}/run",
            f"--tmpdir={where}/tmp", "--storage-driver=overlay", "--log-level=error", *arguments,
        )  # fmt: skip

    def run_command(self, *arguments: str, state: str = "state") -> Command:
        """Return the command line for ``podman run`` with ``run_arguments``."""
        return self.command(*self.run_arguments(*arguments), state=state)

    def run_arguments(self, *arguments: str, network: str = "host") -> Command:
        """Return ``run --network NETWORK ARGUMENTS`` in a cgroup that we remove at the end."""
        parent = f"--cgroup-parent={self.cgroup_parent()}"
        return ("run", f"--network={network}", parent, *arguments)

    def cgroup_parent(self) -> str:
        """Return the cgroup below which containers and pods are put."""
        return sandbox.cgroup_parent()

    def call(self, *arguments: str) -> str:
        """Run podman now and return what it printed."""
        command = self.command(*arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def fresh(self, *, exited: int = 0, images: int = 1) -> None:
        """Begin anew with ``images`` images and ``exited`` containers that ran and ended."""
        self.drop()
        name = f"podman-{exited}-{images}"
        key = cache.key_of([self._version(), _RECIPE])
        kept = cache.built(name, key, lambda to: self._keep(to, exited, images))
        state, parked = self.home / "state", self.home / name
        # podman's database names its own paths, so it comes back to where it was made.
        if parked.exists():
            parked.rename(state)
            for path in state.glob("*/*/*"):  # databases and lists; what they name is deeper
                if path.is_file():
                    path.unlink()
        command = ["/usr/bin/tar", "-C", str(self.home), "-xf", f"{kept}/state.tar"]
        subprocess.run([*command, "--skip-old-files"], check=True)
        shutil.copy(state / "locks", _LOCKS)
        self._there = name

    def drop(self, state: str = "state") -> None:
        """Remove everything, also the bind mount that podman leaves over its storage."""
        where = self.home / state
        if (where / "root/overlay").is_mount():
            subprocess.run(["/usr/bin/umount", str(where / "root/overlay")], check=True)
        if state == "state" and self._there:
            where.rename(self.home / self._there)
            self._there = ""
        sandbox.set_aside(where)
        _LOCKS.unlink(missing_ok=True)

    def archive(self) -> Path:
        """Return a docker archive of a tiny image, for the first run on a host."""
        path = self.home / "image.tar"
        if not path.exists():
            self.fresh()
            self.call("save", "-q", "-o", str(path), IMAGE)
            self.drop()
        return path

    def _version(self) -> str:
        return subprocess.run(
            [self._program, "--version"], check=True, capture_output=True, text=True
        ).stdout.split()[-1]

    def _keep(self, directory: str, exited: int, images: int) -> None:
        self._make(exited=exited, images=images)
        # A lock copied while somebody holds it is never released again.
        sandbox.wait_until_gone("podman", "conmon")
        shutil.copy(_LOCKS, self.home / "state/locks")
        with tarfile.open(f"{directory}/state.tar", "w") as out:
            out.add(self.home / "state", arcname="state")
        self.drop()

    def _make(self, *, exited: int, images: int) -> None:
        self.drop()
        (self.home / "state").mkdir()
        for number in range(images):
            tag = IMAGE if number == 0 else f"localhost/image{number}:latest"
            self.call("import", "-q", str(self._tree(number)), tag)
        if exited:
            self._make_exited(exited)

    def _make_exited(self, count: int) -> None:
        address = str(self.home / "api.sock")
        command = self.command("system", "service", "--time=0", f"unix://{address}")
        service = subprocess.Popen(command)
        try:
            api = _Api(address)
            for _ in range(count):
                api.start(api.create())
            api.wait_all()
        finally:
            service.terminate()
            service.wait()

    def _tree(self, number: int) -> Path:
        """Return a tar of image ``number``: busybox in the first, a single line in the others."""
        root = self.home / f"rootfs{number}"
        (root / "bin").mkdir(parents=True, exist_ok=True)
        (root / "number").write_text(f"{number}\n")
        if number == 0:
            shutil.copy(find_binary("busybox"), root / "bin/busybox")
            for name in ("true", "sleep", "sh"):
                (root / "bin" / name).symlink_to("busybox")
        path = self.home / "rootfs.tar"
        with tarfile.open(path, "w") as out:
            out.add(root, arcname=".")
        shutil.rmtree(root)
        return path


class _Api:
    """The few calls of podman's HTTP interface that making containers needs."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = _UnixConnection(address)
        deadline = time.monotonic() + _START_SECONDS
        while not Path(address).exists():
            if time.monotonic() > deadline:
                raise UnavailableError("podman system service did not start")
            time.sleep(0.05)

    def create(self) -> str:
        limits = [
            {"type": name, "soft": 1024, "hard": 1024} for name in ("NOFILE", "NPROC")
        ]  # fmt: skip
        body = {
            "image": IMAGE,
            "command": ["/bin/true"],
            "netns": {"nsmode": "host"},
            "cgroup_parent": sandbox.cgroup_parent(),
            "r_limits": limits,
        }
        answer = self._call("POST", "/containers/create", body)
        return str(answer["Id"])

    def start(self, identifier: str) -> None:
        self._call("POST", f"/containers/{identifier}/start")

    def wait_all(self) -> None:
        """Return when no container runs any more."""
        deadline = time.monotonic() + _START_SECONDS
        filters = "%7B%22status%22%3A%5B%22running%22%5D%7D"  # {"status":["running"]}
        while self._call("GET", f"/containers/json?filters={filters}"):
            if time.monotonic() > deadline:
                raise UnavailableError("podman's containers did not end")
            sandbox.reap()
            time.sleep(0.2)

    def _call(self, method: str, path: str, body: object = None) -> Any:
        text = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"}
        self._connection.request(method, f"/v4.0.0/libpod{path}", text, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= http.client.MULTIPLE_CHOICES:
            raise UnavailableError(f"podman's interface: {data.decode(errors='replace')}")
        return json.loads(data) if data else None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, address: str) -> None:
        super().__init__("localhost")
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._address)


def _configuration() -> str:
    limits = ", ".join(f'"{limit}"' for limit in _LIMITS)
    return (
        f"[containers]\ndefault_ulimits = [{limits}]\n"
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "runc"\n'
    )
