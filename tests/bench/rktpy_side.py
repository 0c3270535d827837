"""rktpy as the bench runs it: its launcher, a data directory of its own, images and pods in it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench import sandbox
from tests.bench.model import Command, UnavailableError
from tests.bench.pods import make_exited
from tests.support import archive
from tests.support.closure import find_binary
from tests.support.images import Content, build_aci

TRUE = "example.com/true"
SLEEP = "example.com/sleep"
WEB = "example.com/web"
_START_SECONDS = 30


def launcher() -> Command:
    """Return the command that starts rktpy: the installed launcher, or the package as it is."""
    installed = Path(sys.executable).with_name("rktpy")
    return (str(installed),) if installed.exists() else (sys.executable, "-m", "rktpy")


class Rktpy:
    """An rktpy whose data and configuration directories are below ``home``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self._template: Path | None = None

    def command(self, *arguments: str, data: Path | None = None) -> Command:
        """Return the command line for ``rktpy ARGUMENTS`` on ``data`` (default: the usual one)."""
        none = self.home / "none"  # the host's own configuration must not count
        return (
            *launcher(), f"--dir={data or self.data}", f"--system-config={none}",
            f"--local-config={none}", f"--user-config={none}", "--insecure-options=image",
            *arguments,
        )  # fmt: skip

    def call(self, *arguments: str) -> str:
        """Run rktpy now and return what it printed."""
        command = self.command(*arguments)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def fresh(self, *, exited: int = 0) -> list[str]:
        """Begin with an empty data directory and ``exited`` dead pods; return their UUIDs."""
        sandbox.set_aside(self.data)
        self.data.mkdir(parents=True)
        return self.add_exited(exited)

    def add_exited(self, count: int, data: Path | None = None) -> list[str]:
        """Add ``count`` exited pods, like the template if ``use_real_pods`` found one."""
        return make_exited(data or self.data, count, template=self._template)

    def use_real_pods(self) -> bool:
        """Run one pod and keep its directory as the template of ``add_exited``, if that works."""
        self.fresh()
        template = self.home / "template"
        with contextlib.suppress(subprocess.CalledProcessError, UnavailableError, OSError):
            self.fetch_true()
            self.call("run", "--net=host", TRUE)
            (pod,) = (self.data / "pods/run").iterdir()
            pod.rename(template)
            self._template = template
        return self._template is not None

    def pods(self) -> list[Path]:
        """Return the directories of all pods, whatever state they are in."""
        return list(self.data.glob("pods/*/*"))

    def clean(self) -> None:
        """Take the pods away, untimed."""
        for pod in self.pods():
            sandbox.set_aside(pod)

    def true_image(self) -> Path:
        """Return an ACI that runs busybox's true."""
        return self._image(TRUE, ["/bin/true"])

    def web_image(self) -> Path:
        """Return an ACI that runs busybox's true and has a port to publish."""
        port = {"name": "web", "protocol": "tcp", "port": 80}
        return self._image(WEB, ["/bin/true"], app={"ports": [port]})

    def sleep_image(self) -> Path:
        """Return an ACI that sleeps for an hour."""
        return self._image(SLEEP, ["/bin/sleep", "3600"])

    def numbered_image(self, number: int) -> Path:
        """Return a small ACI with a name of its own."""
        path = self.home / f"image{number}.aci"
        return build_aci(path, name=f"example.com/image{number}", files={"/number": str(number)})

    def fetch_true(self) -> None:
        """Bring the image of ``true`` into the store, rendered."""
        self.call("fetch", str(self.true_image()))

    def start_sleeper(self) -> tuple[str, subprocess.Popen[bytes]]:
        """Start a pod that sleeps and return its UUID once it is ready, and its process.

        Raises:
            UnavailableError: it did not start.
        """
        self.call("fetch", str(self.sleep_image()))
        saved = self.home / "uuid"
        saved.unlink(missing_ok=True)
        command = self.command("run", "--net=host", f"--uuid-file-save={saved}", SLEEP)
        pod = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        while not (saved.exists() and saved.read_text()):
            if pod.poll() is not None:
                said = pod.stderr.read().decode(errors="replace") if pod.stderr else ""
                raise UnavailableError(f"rktpy run exited {pod.returncode}: {said.strip()}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                pod.wait(0.02)
        identifier = saved.read_text().strip()
        self.call("status", f"--wait-ready={_START_SECONDS}s", identifier)
        return identifier, pod

    def _image(self, name: str, program: list[str], **of_manifest: Any) -> Path:
        path = self.home / f"{os.path.basename(name)}.aci"
        if not path.exists():
            links = {f"/bin/{word}": archive.symlink("busybox") for word in ("true", "sleep", "sh")}
            files: dict[str, Content] = {
                "/bin/busybox": find_binary("busybox"),
                **links,
            }
            build_aci(path, name=name, exec=program, files=files, **of_manifest)
        return path


def void(_value: object) -> None:
    """Drop a result."""
