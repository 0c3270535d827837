"""The same Debian host under QEMU without KVM: its own kernel, pure cgroup v2, reboots.

Slower than the container by far (10 s to boot, everything else 5-10 times), so only for what the
container cannot show. Commands travel over a virtio port to the same agent. A guest boots, or goes
on from a snapshot (see ``vm_snapshot``), which takes about a second.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from tests.support import host_image, qemu
from tests.support.command import in_private_mounts, run
from tests.support.qemu import LEGACY, UNIFIED, Monitor, QemuError
from tests.support.remote import AgentLink, HostError, RemoteHost
from tests.support.vm_kernel import kernel_files

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LEGACY", "UNIFIED", "VmHost"]

DISK_SIZE = "6G"  # sparse
# A daemon-reload takes 3 s here, and half of that are generators that have nothing to say.
SILENT_GENERATORS = ("cryptsetup", "fstab", "getty", "gpt-auto", "hibernate-resume",
                     "integritysetup", "rc-local", "run", "system-update", "sysv",
                     "veritysetup")  # fmt: skip

MAKE_DISK = """\
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
truncate -s "$3" "$1/disk"
mke2fs -q -t ext4 -L root -E lazy_itable_init=1,lazy_journal_init=1 -d "$1/root" "$1/disk"
"""


class VmHost(RemoteHost):
    """One virtual machine; use it as a context manager. ``keep`` decides at exit whether its
    journal stays.

    Without ``snapshot``, a directory that ``freeze`` filled, it boots, with its memory in the file
    ``ram`` if that is named.
    """

    slowness = 6.0

    def __init__(
        self,
        *,
        lowers: Sequence[str] | None = None,
        cgroups: str = UNIFIED,
        snapshot: str = "",
        ram: str = "",
    ) -> None:
        super().__init__()
        self._lowers = lowers
        self._cgroups = cgroups
        self._snapshot = snapshot
        self._ram = f"memory-backend-file,mem-path={ram},share=on" if ram else ""
        self.state = tempfile.mkdtemp(prefix="rktpy-", dir="/var/tmp")
        self.name = f"vm-{os.path.basename(self.state)[6:].lower().replace('_', 'x')}"
        self.boot_seconds = 0.0
        self._kernel = ""
        self._qemu: subprocess.Popen[bytes] | None = None

    @property
    def evidence(self) -> str:
        """The command that shows the host's journal, once the machine is off."""
        return f"journalctl -D {self.state}/journal"

    def __enter__(self) -> VmHost:
        started = time.monotonic()
        try:
            self._kernel = kernel_files()
            if self._snapshot:
                self._go_on()
            else:
                self._boot()
        except BaseException:
            self.keep = True
            self.close()
            raise
        self.boot_seconds = time.monotonic() - started
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it; remove everything but, if kept, journal and console."""
        if self.keep:
            self._power_off()
        self._kill()
        if not (self.keep and os.path.exists(self._disk)):
            shutil.rmtree(self.state, ignore_errors=True)
            return
        if self._snapshot:
            run(["qemu-img", "convert", "-O", "raw", self._disk, f"{self.state}/disk"])
        dump = f"rdump /var/log/journal {self.state}"
        subprocess.run(["debugfs", "-R", dump, f"{self.state}/disk"],
                       capture_output=True, check=False)  # fmt: skip
        for name in os.listdir(self.state):
            path = f"{self.state}/{name}"
            if name in {"journal", "console.log"}:
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    def freeze(self, path: str) -> None:
        """End it and leave in ``path`` what a guest needs to go on from here: its disk, and its
        devices. Its memory is in the file that was named for it.
        """
        self.link.close()
        self._link = None
        with Monitor(f"{self.state}/qmp.sock") as monitor:
            monitor.save(f"{path}/devices")
        self._kill()
        run(["mv", self._disk, f"{path}/disk"])

    def reboot(self) -> None:
        """Reboot the guest and wait until it is up again."""
        with Monitor(f"{self.state}/qmp.sock") as monitor:
            self.start(["systemctl", "reboot"])
            # Until then the old agent might take a command, and never say how it ended.
            monitor.wait_for("RESET", timeout=120 * self.slowness)
        self._meet()

    def cut_power(self) -> None:
        """Let the guest lose power, and boot again from what had reached its disk by then.

        That is what the guest's kernel had written out: ``cache=unsafe`` keeps it in this
        machine's memory, which outlives QEMU. Whatever waited in the guest's memory is lost.
        """
        if self._qemu is None:
            raise HostError(f"{self.name} is not running")
        self._kill()
        self._power_on("memory-backend-ram")

    @property
    def _disk(self) -> str:
        return f"{self.state}/{'overlay' if self._snapshot else 'disk'}"

    def _boot(self) -> None:
        lowers = [*(self._lowers or host_image.lowers()), f"{self._kernel}/tree"]
        for name in ("upper", "work", "root"):
            os.mkdir(f"{self.state}/{name}")
        host_image.equip(f"{self.state}/upper", name=self.name)
        generators = f"{self.state}/upper/etc/systemd/system-generators"
        os.makedirs(generators)
        for name in SILENT_GENERATORS:
            os.symlink("/dev/null", f"{generators}/systemd-{name}-generator")
        in_private_mounts(MAKE_DISK, self.state, ":".join(lowers), DISK_SIZE)
        self._power_on(self._ram or "memory-backend-ram")

    def _power_on(self, ram: str) -> None:
        self._start(ram)
        self._meet()

    def _meet(self) -> None:
        """Wait until the guest has booted, and for its agent."""
        try:
            self._connect()
            self.link.greet(240)
            self.check_booted(timeout=20)
        except (HostError, OSError) as error:
            raise HostError(f"{error}\n{self._evidence()}") from error

    def _go_on(self) -> None:
        """Go on where the snapshot was taken, with a clock that knows how long ago that was."""
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
             "-b", f"{self._snapshot}/disk", self._disk])  # fmt: skip
        # Not shared: what the guest writes is its own, what it only reads is everybody's.
        ram = f"memory-backend-file,mem-path={self._snapshot}/ram,share=off"
        self._start(ram, "-incoming", "defer")
        try:
            self._connect()
            with Monitor(f"{self.state}/qmp.sock") as monitor:
                monitor.load(f"{self._snapshot}/devices")
            self.link.greet(60)
            self.run(["date", "-s", f"@{time.time():.3f}"])
        except (HostError, QemuError, OSError) as error:
            raise HostError(f"{error}\n{self._evidence()}") from error

    def _start(self, ram: str, *options: str) -> None:
        disk = f"format={'qcow2' if self._snapshot else 'raw'},file={self._disk}"
        argv = [
            "setpriv", "--pdeathsig", "KILL",
            qemu.PROGRAM, *qemu.machine(self._kernel, self._cgroups),
            *qemu.backends(self.state, disk, ram), *options,
        ]  # fmt: skip
        with open(f"{self.state}/qemu.log", "ab") as log:
            self._qemu = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _connect(self) -> None:
        if self._link:
            self._link.close()
        end = time.monotonic() + 20
        while self._qemu is not None and self._qemu.poll() is None and time.monotonic() < end:
            channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                channel.connect(f"{self.state}/agent.sock")
            except OSError:
                channel.close()
                time.sleep(0.05)
            else:
                self._link = AgentLink(channel)
                return
        raise HostError(f"qemu did not start\n{self._evidence()}")

    def _ended(self) -> int | None:
        """Return the exit status of QEMU; it may need a moment after it has hung up."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._qemu.wait(5) if self._qemu else None
        return None

    def _evidence(self) -> str:
        """Return how QEMU is, what it said, and what the guest's kernel said."""
        status = self._ended()
        text = "qemu runs" if status is None else f"qemu ended with {status}"
        for name in ("qemu.log", "console.log"):
            with (
                contextlib.suppress(FileNotFoundError),
                open(f"{self.state}/{name}", encoding="utf-8", errors="replace") as file,
            ):
                text += f"\n{name}: {file.read()[-3000:]}"
        return text

    def _power_off(self) -> None:
        """Let it end in order, so that all is on its disk."""
        if self._qemu is None or self._qemu.poll() is not None or self._link is None:
            return
        try:
            self.start(["systemctl", "poweroff"])
            self._qemu.wait(60)
        except (HostError, OSError, subprocess.TimeoutExpired):
            self._qemu.send_signal(signal.SIGKILL)

    def _kill(self) -> None:
        process, self._qemu = self._qemu, None
        if process is not None:
            process.kill()
            process.wait()
        if self._link:
            self._link.close()
            self._link = None
