"""The same Debian host under QEMU without KVM: its own kernel, pure cgroup v2, reboots.

Slower than the container by far (about 20 s to boot, everything else 5-10 times), so only for
what the container cannot show. Commands travel over a virtio port to the same agent.
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
from tests.support.agent import PORT_NAME
from tests.support.cache import built, key_of
from tests.support.command import in_private_mounts, run
from tests.support.remote import AgentLink, HostError, RemoteHost

if TYPE_CHECKING:
    from collections.abc import Sequence

KERNEL_META = "linux-image-cloud-amd64"
KERNEL_RECIPE = 1
# What the initramfs has to load before the root disk is there; the rest is on that disk.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "ext4", "virtio_console", "virtio_rng")
# The first would wait 90 s for a device that only udev announces; the others cost seconds here.
UNWANTED_UNITS = (
    "serial-getty@ttyS0.service", "user@0.service", "systemd-binfmt.service",
    "proc-sys-fs-binfmt_misc.automount", "systemd-random-seed.service", "modprobe@fuse.service",
    "modprobe@dm_mod.service", "modprobe@efi_pstore.service", "modprobe@drm.service",
)  # fmt: skip
# Which cgroups: those of today, and those of a host that was told to stay as it was.
UNIFIED = "systemd.unified_cgroup_hierarchy=1"
LEGACY = "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"
DISK_SIZE = "6G"  # sparse
MEMORY_MIB = 1536

BOOT_INIT = """\
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
while read -r module; do /bin/busybox insmod "/modules/$module"; done < /modules/order
/bin/busybox mount -t ext4 -o rw,relatime /dev/vda /root || exec /bin/busybox poweroff -f
/bin/busybox mount -t devtmpfs devtmpfs /root/dev
/bin/busybox umount /proc
/bin/busybox umount /sys
exec /bin/busybox switch_root /root /lib/systemd/systemd
"""

PACK = """\
cd "$1"
find . | busybox cpio -o -H newc 2> /dev/null | gzip -1 > "$2"
"""

MAKE_DISK = """\
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
truncate -s "$3" "$1/disk"
mke2fs -q -t ext4 -L root -E lazy_itable_init=1,lazy_journal_init=1 -d "$1/root" "$1/disk"
"""


class VmHost(RemoteHost):
    """One virtual machine; use it as a context manager. ``keep`` decides at exit whether its
    journal stays.
    """

    slowness = 6.0

    def __init__(self, *, lowers: Sequence[str] | None = None, cgroups: str = UNIFIED) -> None:
        super().__init__()
        self._lowers = lowers
        self._cgroups = cgroups
        self.state = tempfile.mkdtemp(prefix="rktpy-", dir="/var/tmp")
        self.name = f"vm-{os.path.basename(self.state)[6:].lower().replace('_', 'x')}"
        self.keep = False
        self.boot_seconds = 0.0
        self._kernel = ""
        self._qemu: subprocess.Popen[bytes] | None = None

    @property
    def evidence(self) -> str:
        """The command that shows the host's journal, once the machine is off."""
        return f"journalctl -D {self.state}/journal"

    def __enter__(self) -> VmHost:
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
        """Power off; remove everything but, if kept, journal and console."""
        self._power_off()
        if not (self.keep and os.path.exists(f"{self.state}/disk")):
            shutil.rmtree(self.state, ignore_errors=True)
            return
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

    def reboot(self) -> None:
        """Reboot the guest and wait until it is up again."""
        before = self.read("/proc/sys/kernel/random/boot_id")
        self.start(["systemctl", "reboot"])
        end = time.monotonic() + 120
        while time.monotonic() < end:
            self._connect()
            self.link.greet(90)
            if self.read("/proc/sys/kernel/random/boot_id") != before:
                self.check_booted(timeout=20)
                return
            time.sleep(0.5)
        raise HostError(f"{self.name} did not reboot")

    def cut_power(self) -> None:
        """Let the guest lose power, and boot again from what had reached its disk by then.

        That is what the guest's kernel had written out: ``cache=unsafe`` keeps it in this
        machine's memory, which outlives QEMU. Whatever waited in the guest's memory is lost.
        """
        process = self._qemu
        if process is None:
            raise HostError(f"{self.name} is not running")
        process.kill()
        process.wait()
        self._power_on()

    def _boot(self) -> None:
        self._kernel = kernel_files()
        lowers = [*(self._lowers or host_image.lowers()), f"{self._kernel}/tree"]
        started = time.monotonic()
        for name in ("upper", "work", "root"):
            os.mkdir(f"{self.state}/{name}")
        host_image.equip(f"{self.state}/upper", name=self.name)
        in_private_mounts(MAKE_DISK, self.state, ":".join(lowers), DISK_SIZE)
        self._power_on()
        self.boot_seconds = time.monotonic() - started

    def _power_on(self) -> None:
        with open(f"{self.state}/qemu.log", "wb") as log:
            self._qemu = subprocess.Popen(
                self._argv(self._kernel), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._connect()
        try:
            self.link.greet(120)
            self.check_booted(timeout=20)
        except (HostError, OSError) as error:
            raise HostError(f"{error}\n{self._said_by_qemu()}\n{self._console()}") from error

    def _argv(self, kernel: str) -> list[str]:
        words = (
            "console=ttyS0 loglevel=4 panic=-1 nokaslr mitigations=off net.ifnames=0 "
            f"{self._cgroups} systemd.unit=multi-user.target "
            "systemd.show_status=no "
        ) + " ".join(f"systemd.mask={unit}" for unit in UNWANTED_UNITS)
        return [
            "setpriv", "--pdeathsig", "KILL",
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
            "-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off",
            "-smp", "2", "-m", str(MEMORY_MIB),
            "-kernel", f"{kernel}/vmlinuz", "-initrd", f"{kernel}/initrd", "-append", words,
            "-serial", f"file:{self.state}/console.log",
            "-drive", f"if=none,id=root,format=raw,cache=unsafe,file={self.state}/disk",
            "-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,server=on,wait=off,path={self.state}/agent.sock",
            "-device", f"virtserialport,chardev=agent,name={PORT_NAME}",
        ]  # fmt: skip

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
        raise HostError(f"qemu did not start: {self._said_by_qemu()}")

    def _said_by_qemu(self) -> str:
        with open(f"{self.state}/qemu.log", encoding="utf-8", errors="replace") as log:
            return log.read()[-2000:]

    def _console(self) -> str:
        try:
            with open(f"{self.state}/console.log", encoding="utf-8", errors="replace") as file:
                return file.read()[-3000:]
        except FileNotFoundError:
            return ""

    def _power_off(self) -> None:
        process, self._qemu = self._qemu, None
        if process is None:
            return
        if process.poll() is None and self._link:
            try:
                self.start(["systemctl", "poweroff"])
                process.wait(60)
            except (HostError, OSError, subprocess.TimeoutExpired):
                process.send_signal(signal.SIGKILL)
        elif process.poll() is None:
            process.kill()
        process.wait()
        if self._link:
            self._link.close()
            self._link = None


def kernel_files() -> str:
    """Return a directory with ``vmlinuz``, ``initrd`` and ``tree/usr/lib/modules`` of Debian's
    cloud kernel, downloaded by apt and unpacked, never installed.
    """
    depends = run(["apt-cache", "depends", "--important", KERNEL_META]).split()
    package = next((word for word in depends if word.startswith("linux-image-")
                    and word != KERNEL_META), "")  # fmt: skip
    if not package:
        raise HostError(f"apt knows no {KERNEL_META}; try: apt-get update")
    key = key_of([KERNEL_RECIPE, package, BOOT_MODULES, BOOT_INIT])
    return built("kernel", key, lambda path: _unpack_kernel(path, package))


def _unpack_kernel(path: str, package: str) -> None:
    run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package], cwd=path)
    (archive,) = (name for name in os.listdir(path) if name.endswith(".deb"))
    run(["dpkg-deb", "-x", archive, "unpacked"], cwd=path)
    (image,) = (n for n in os.listdir(f"{path}/unpacked/boot") if n.startswith("vmlinuz-"))
    version = image.removeprefix("vmlinuz-")
    os.rename(f"{path}/unpacked/boot/{image}", f"{path}/vmlinuz")
    os.makedirs(f"{path}/tree/usr/lib")
    os.rename(f"{path}/unpacked/lib/modules", f"{path}/tree/usr/lib/modules")
    # depmod is kmod's; the host image has it, this machine need not.
    script = 'mkdir -p "$1/mnt"; mount --bind "$2" "$1/mnt"; chroot "$1" depmod -b /mnt/usr "$3"'
    in_private_mounts(script, host_image.base_tree(), f"{path}/tree", version)
    _make_initrd(path, f"{path}/tree/usr/lib/modules/{version}")
    shutil.rmtree(f"{path}/unpacked")
    os.unlink(f"{path}/{archive}")


def _make_initrd(path: str, modules: str) -> None:
    root = f"{path}/initrd.d"
    os.makedirs(f"{root}/modules")
    os.mkdir(f"{root}/bin")
    shutil.copy(f"{host_image.base_tree()}/bin/busybox", f"{root}/bin/busybox")
    order = _load_order(modules)
    for name in order:
        shutil.copy(f"{modules}/{name}", f"{root}/modules/{os.path.basename(name)}")
    with open(f"{root}/modules/order", "w", encoding="ascii") as file:
        file.write("".join(f"{os.path.basename(name)}\n" for name in order))
    with open(f"{root}/init", "w", encoding="ascii") as file:
        file.write(BOOT_INIT)
    os.chmod(f"{root}/init", 0o755)
    run(["sh", "-euc", PACK, "sh", root, f"{path}/initrd"])
    shutil.rmtree(root)


def _load_order(modules: str) -> list[str]:
    """Return the files of ``BOOT_MODULES`` and of what they need, needs first; none if built in."""
    needs: dict[str, list[str]] = {}
    with open(f"{modules}/modules.dep", encoding="ascii") as file:
        for line in file:
            name, _, rest = line.partition(":")
            needs[name] = rest.split()
    wanted = {f"{name}.ko" for name in BOOT_MODULES}
    wanted |= {name.replace("_", "-") for name in wanted}
    order: list[str] = []
    for name in sorted(needs):
        if os.path.basename(name) in wanted:
            # modules.dep lists the nearest need first
            order += [need for need in [*reversed(needs[name]), name] if need not in order]
    return order
