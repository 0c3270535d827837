"""QEMU without KVM: the machine that it makes, and its monitor (QMP).

What one QEMU wrote of a machine another reads only if it makes the same one. So all that the guest
can see is said in ``machine``, and what differs from one QEMU to the next in ``backends``.
"""

from __future__ import annotations

import json
import socket
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.support.agent import PORT_NAME
from tests.support.command import run

if TYPE_CHECKING:
    from typing import Self

PROGRAM = "qemu-system-x86_64"
MEMORY_MIB = 1536
# The first would wait 90 s for a device that only udev announces; the others cost seconds here.
UNWANTED_UNITS = (
    "serial-getty@ttyS0.service", "user@0.service", "systemd-binfmt.service",
    "proc-sys-fs-binfmt_misc.automount", "systemd-random-seed.service", "modprobe@fuse.service",
    "modprobe@dm_mod.service", "modprobe@efi_pstore.service", "modprobe@drm.service",
)  # fmt: skip
# Which cgroups: those of today, and those of a host that was told to stay as it was.
UNIFIED = "systemd.unified_cgroup_hierarchy=1"
LEGACY = "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"


class QemuError(Exception):
    """QEMU did not do what it was told; the text has its own words."""


def machine(kernel: str, cgroups: str) -> list[str]:
    """Return the options for a machine with the kernel in ``kernel``; the rest is ``backends``'."""
    words = (
        "console=ttyS0 loglevel=4 panic=-1 nokaslr mitigations=off net.ifnames=0 "
        f"{cgroups} systemd.unit=multi-user.target "
        "systemd.show_status=no "
    ) + " ".join(f"systemd.mask={unit}" for unit in UNWANTED_UNITS)
    return [
        "-nodefaults", "-no-user-config", "-display", "none",
        "-machine", "q35,memory-backend=ram", "-accel", "tcg,thread=multi",
        "-cpu", "max,la57=off", "-smp", "2", "-m", str(MEMORY_MIB),
        "-kernel", f"{kernel}/vmlinuz", "-initrd", f"{kernel}/initrd", "-append", words,
        "-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci",
        "-device", "virtio-serial-pci",
        "-device", f"virtserialport,chardev=agent,name={PORT_NAME}",
    ]  # fmt: skip


def backends(home: str, disk: str, ram: str) -> list[str]:
    """Return the options for what is behind the machine: ``disk`` is "format=…,file=…", ``ram``
    a memory object but for size and name; sockets and console are below ``home``.
    """
    return [
        "-object", f"{ram},id=ram,size={MEMORY_MIB}M",
        "-drive", f"if=none,id=root,cache=unsafe,{disk}",
        "-serial", f"file:{home}/console.log",
        "-chardev", f"socket,id=agent,server=on,wait=off,path={home}/agent.sock",
        "-qmp", f"unix:{home}/qmp.sock,server=on,wait=off",
    ]  # fmt: skip


@cache
def version() -> str:
    """Return what this QEMU says of itself, with the version of its package."""
    return run([PROGRAM, "--version"]).splitlines()[0]


class Monitor:
    """A conversation with a QEMU that runs; use it as a context manager."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect(path)
        self._lines = self._socket.makefile("r", encoding="utf-8")
        self._lines.readline()  # its greeting
        self.ask("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()

    def ask(self, command: str, **arguments: object) -> dict[str, Any]:
        """Return the answer to ``command``; raises QemuError if it is refused."""
        line = json.dumps({"execute": command, "arguments": arguments})
        self._socket.sendall(f"{line}\n".encode())
        while said := self._lines.readline():
            answer: dict[str, Any] = json.loads(said)
            if "error" in answer:
                raise QemuError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                found: dict[str, Any] = answer["return"]
                return found
        raise QemuError(f"{command}: QEMU hung up")

    def wait_for(self, event: str, *, timeout: float) -> None:
        """Wait until QEMU tells of ``event``, for as long as ``timeout`` s without any news."""
        self._socket.settimeout(timeout)
        try:
            while said := self._lines.readline():
                if json.loads(said).get("event") == event:
                    return
        except TimeoutError as error:
            raise QemuError(f"no {event} within {timeout:.0f} s") from error
        raise QemuError(f"{event}: QEMU hung up")

    def save(self, path: str) -> None:
        """Stop the machine and write its devices to ``path``; its memory is a file already."""
        self._leave_memory_where_it_is()
        self.ask("stop")
        self.ask("migrate", uri=f"exec:cat > {path}")
        self._wait("query-migrate", "completed", {"failed", "cancelled"})

    def load(self, path: str) -> None:
        """Let the machine, which waits for that, go on with the devices in ``path``."""
        self._leave_memory_where_it_is()
        self.ask("migrate-incoming", uri=f"exec:cat {path}")
        self._wait("query-migrate", "completed", {"failed", "cancelled"})
        self.ask("cont")

    def _leave_memory_where_it_is(self) -> None:
        wanted = {"capability": "x-ignore-shared", "state": True}
        self.ask("migrate-set-capabilities", capabilities=[wanted])

    def _wait(self, question: str, wanted: str, wrong: set[str], timeout: float = 120) -> None:
        end = time.monotonic() + timeout
        while (answer := self.ask(question)).get("status") != wanted:
            if answer.get("status") in wrong or time.monotonic() > end:
                raise QemuError(f"{question}: {json.dumps(answer)}")
            time.sleep(0.02)
