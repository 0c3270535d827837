"""A private message bus per test, and services on it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
FAKE = os.path.join(os.path.dirname(__file__), "fake_service.py")


class PrivateBus:
    """A dbus-daemon of the test's own; ``address`` is where it listens."""

    def __init__(self, base: Path) -> None:
        self.services = base / "services"
        self.services.mkdir()
        self.address = f"unix:path={base}/bus"
        config = base / "session.conf"
        config.write_text(CONFIG.format(socket=base / "bus", services=self.services))
        self._config = config
        self._children = contextlib.ExitStack()
        self._serving: dict[str, subprocess.Popen[str]] = {}
        self.start()

    def start(self) -> None:
        """Start the daemon, also again after ``stop``."""
        self.daemon = self._start("dbus-daemon", f"--config-file={self._config}", "--nofork",
                                  "--nopidfile", "--print-address")  # fmt: skip

    def stop(self) -> None:
        """End the daemon; its guests are on their own."""
        self.daemon.kill()
        self.daemon.wait()

    def serve(self, role: str, **environ: str) -> subprocess.Popen[str]:
        """Start ``fake_service.py`` as ``role`` and wait until it owns its name."""
        child = self._start(sys.executable, FAKE, self.address, role, environ=environ)
        self._serving[role] = child
        return child

    def serving(self, role: str) -> subprocess.Popen[str]:
        """Return what serves as ``role``."""
        return self._serving[role]

    def end(self, role: str) -> None:
        """End what serves as ``role``."""
        child = self._serving.pop(role)
        child.kill()
        child.wait()

    def activatable(self, name: str, command: str) -> None:
        """Let the bus start ``command`` for ``name``. Only before anybody asked for a name."""
        text = f"[D-BUS Service]\nName={name}\nExec={command}\n"
        (self.services / f"{name}.service").write_text(text)
        self.daemon.send_signal(1)  # SIGHUP: read the directory again

    def close(self) -> None:
        self._children.close()

    def _start(self, *argv: str, environ: dict[str, str] | None = None) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            argv, stdout=subprocess.PIPE, text=True, env=os.environ | (environ or {})
        )
        assert child.stdout is not None
        self._children.callback(child.stdout.close)
        self._children.callback(child.wait)
        self._children.callback(child.kill)
        assert child.stdout.readline(), f"{argv[0]} did not start"
        return child


@pytest.fixture
def private_bus(tmp_path: Path) -> Iterator[PrivateBus]:
    bus = PrivateBus(tmp_path)
    yield bus
    bus.close()


@pytest.fixture(scope="session", autouse=True)
def _glib_threads(tmp_path_factory: pytest.TempPathFactory) -> None:
    """GLib's worker thread stays for good and keeps the namespaces it was born in alive, so it
    must not be born in those of a test.
    """
    if importlib.util.find_spec("gi") is None or shutil.which("dbus-daemon") is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # gi's loader, Python 3.11
        from rktpy.systemd.bus_pydbus import connect_pydbus
    bus = PrivateBus(tmp_path_factory.mktemp("bus"))
    connect_pydbus(bus.address, 5).close()
    bus.close()
