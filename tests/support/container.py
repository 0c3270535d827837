"""The Debian host in ``systemd-nspawn``: systemd, journald, logind, machined on demand.

What its environment needs, seen on a machine without systemd as PID 1:

* mounts live in a mount namespace of their own, with a tmpfs on /run/systemd/nspawn (without
  one nspawn complains about removing files from a disk);
* nspawn and all below it live in a cgroup ``rktpy-host-…`` of each hierarchy, below the
  caller's own: two hosts do not meet in nspawn's ``/payload``, and all of it can be removed;
* nspawn denies bpf(2), with which systemd and rktpy fence devices: it is let through;
* nspawn mounts v1 controllers read-only, which silently voids every limit inside. The first
  process in the host makes them writable, then becomes systemd;
* an overlay cannot be the upper directory of another: /var/lib/rkt, /var/lib/containers and
  /var/log/journal are plain directories of the session.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from tests.support import host_image
from tests.support.cgroups import make_cgroups, remove_cgroups
from tests.support.remote import AgentLink, HostError, RemoteHost

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = {"rkt": "/var/lib/rkt", "journal": "/var/log/journal", "test": "/var/lib/rktpy-test",
         "data": "/srv"}  # fmt: skip

INIT = """\
#!/bin/sh
while read -r _ _ _ _ target _; do
    case $target in /sys/fs/cgroup/?*) mount -o remount,rw,bind "$target" ;; esac
done < /proc/self/mountinfo
exec /lib/systemd/systemd "$@"
"""

LAUNCH = """\
state=$1; lower=$2; shift 2
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=0755 tmpfs /run/systemd/nspawn
layers="lowerdir=$lower,upperdir=$state/upper,workdir=$state/work"
mount -t overlay overlay -o "$layers" "$state/root"
while read -r group; do
    if [ -n "$group" ]; then echo $$ > "$group/cgroup.procs"; fi
done < "$state/cgroups"
exec "$@"
"""


class ContainerHost(RemoteHost):
    """One booted container; use it as a context manager. ``keep`` decides at exit whether its
    journal stays, in ``journal``.
    """

    def __init__(self, *, lowers: Sequence[str] | None = None) -> None:
        super().__init__()
        self._lowers = lowers
        self.state = tempfile.mkdtemp(prefix="rktpy-", dir="/var/tmp")
        self.name = f"host-{os.path.basename(self.state)[6:].lower().replace('_', 'x')}"
        self.boot_seconds = 0.0
        self._cgroups: list[str] = []
        self._nspawn: subprocess.Popen[bytes] | None = None

    @property
    def journal(self) -> str:
        """The host's journal directory, readable from here."""
        return f"{self.state}/journal"

    @property
    def evidence(self) -> str:
        """The command that shows the host's journal."""
        return f"journalctl -D {self.journal}"

    def path(self, inside: str) -> str:
        """Return where the plain directory or file ``inside`` (below /srv …) is on this machine."""
        for name, target in PLAIN.items():
            if inside == target or inside.startswith(f"{target}/"):
                return f"{self.state}/{name}{inside[len(target) :]}"
        raise ValueError(f"{inside} is in none of {', '.join(PLAIN.values())}")

    def __enter__(self) -> ContainerHost:
        try:
            self._boot()
        except BaseException:
            self.keep = True
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Power the host off and remove everything but a kept journal."""
        if self._link:
            self._link.close()
            self._link = None
        self._power_off()
        remove_cgroups(self._cgroups)
        if not (self.keep and os.path.isdir(self.journal) and os.listdir(self.journal)):
            shutil.rmtree(self.state, ignore_errors=True)
            return
        for name in os.listdir(self.state):
            if name not in {"journal", "console.log"}:
                shutil.rmtree(f"{self.state}/{name}", ignore_errors=True)

    def _boot(self) -> None:
        lower = ":".join(self._lowers or host_image.lowers())
        started = time.monotonic()
        for name in ("upper", "work", "root", *PLAIN):
            os.mkdir(f"{self.state}/{name}")
        host_image.equip(f"{self.state}/upper", name=self.name)
        init = f"{self.state}/upper{host_image.HARNESS}/init"
        with open(init, "w", encoding="ascii") as file:
            file.write(INIT)
        os.chmod(init, 0o755)
        self._cgroups = make_cgroups(self.name)
        with open(f"{self.state}/cgroups", "w", encoding="utf-8") as file:
            file.write("".join(f"{path}\n" for path in self._cgroups))
        with open(f"{self.state}/console.log", "wb") as log:
            self._nspawn = subprocess.Popen(
                self._argv(lower), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._link = AgentLink(self._connect(60))
        self._link.greet(30)
        self.check_booted(timeout=60)
        self.boot_seconds = time.monotonic() - started

    def _argv(self, lower: str) -> list[str]:
        binds = [f"--bind={self.state}/{name}:{target}" for name, target in PLAIN.items()]
        return [
            # A killed test run takes its host with it: nspawn shuts it down on SIGTERM.
            "setpriv", "--pdeathsig", "TERM",
            "unshare", "--mount", "--propagation", "slave",
            "sh", "-euc", LAUNCH, "sh", self.state, lower,
            "systemd-nspawn", "--quiet", f"--directory={self.state}/root",
            "--keep-unit", "--register=no", f"--machine={self.name}", "--console=pipe",
            "--capability=all", "--system-call-filter=bpf", "--private-network",
            "--link-journal=no", "--resolv-conf=off",
            "--notify-ready=yes", "--kill-signal=SIGRTMIN+3", *binds,
            f"{host_image.HARNESS}/init", "systemd.unit=multi-user.target",
        ]  # fmt: skip

    def _connect(self, timeout: float) -> socket.socket:
        end = time.monotonic() + timeout
        path = f"{self.state}/test/agent.sock"
        while time.monotonic() < end:
            if self._nspawn is None or self._nspawn.poll() is not None:
                break
            channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                channel.connect(path)
            except OSError:
                channel.close()
                time.sleep(0.02)
            else:
                return channel
        with open(f"{self.state}/console.log", encoding="utf-8", errors="replace") as log:
            raise HostError(f"the host did not come up ({self.evidence})\n{log.read()[-2000:]}")

    def _power_off(self) -> None:
        process, self._nspawn = self._nspawn, None
        if process is None or process.poll() is not None:
            return
        for seconds in (40, 10):  # the first TERM asks, the second ends it at once
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
            return
        process.kill()
        process.wait()
