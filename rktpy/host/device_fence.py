"""Which devices the processes of a control group may make and open: told to the kernel.

cgroup2   a small program, loaded and attached; it stays as long as the cgroup, and all programs of
          the cgroups above must agree. Works on hybrid hosts as well
v1        the files of the devices controller; a cgroup can never allow more than the one above it

Both refuse mknod(2) too. ``Device`` values are data; ``program`` is pure.
"""

from __future__ import annotations

import os
import sys

from rktpy.host import syscalls
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# struct bpf_cgroup_dev_ctx: u32 access_type (what << 16 | kind), u32 major, u32 minor
_KINDS = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}
_EVERYTHING = 7
_LICENSE = b"Apache-2.0"
_NAME = b"rktpy_devices"

# Instructions that are used (linux/bpf.h), and registers.
_LOAD, _AND, _SHIFT, _COPY, _SET = 0x61, 0x57, 0x77, 0xBF, 0xB7
_JUMP_IF_NOT, _JUMP_IF_DIFFER, _EXIT = 0x55, 0x5D, 0x95
_RESULT, _CONTEXT, _KIND, _ASKED, _MAJOR, _MINOR = range(6)


class Device(Value):
    """Devices that may be used: ``kind`` ``b`` or ``c``, None for any number, ``rwm`` for what."""

    kind: str
    major: int | None
    minor: int | None
    access: str = "rw"

    @property
    def line(self) -> str:
        """The device as v1's ``devices.allow`` takes it."""
        numbers = ("*" if n is None else str(n) for n in (self.major, self.minor))
        return f"{self.kind} {':'.join(numbers)} {self.access}"


def program(devices: Sequence[Device]) -> bytes:
    """Return the BPF program that allows ``devices`` and refuses the rest."""
    code = [
        _instruction(_LOAD, _KIND, _CONTEXT, 0),
        _instruction(_LOAD, _MAJOR, _CONTEXT, 4),
        _instruction(_LOAD, _MINOR, _CONTEXT, 8),
        _instruction(_COPY, _ASKED, _KIND),
        _instruction(_AND, _KIND, value=0xFFFF),
        _instruction(_SHIFT, _ASKED, value=16),
    ]
    for device in devices:
        code += _allow(device)
    code += _leave(0)
    return b"".join(code)


def attach(directory: str, devices: Sequence[Device]) -> None:
    """Allow the processes of the cgroup2 ``directory``, and of those below, only ``devices``.

    Raises:
        OSError: the kernel has no such programs, or we may not load any.
    """
    group = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        loaded = syscalls.bpf_load_device_program(program(devices), _LICENSE, _NAME)
        try:
            syscalls.bpf_attach_device_program(group, loaded)
        finally:
            os.close(loaded)  # the cgroup holds it
    finally:
        os.close(group)


def restrict_v1(directory: str, devices: Iterable[Device]) -> None:
    """Do the same with the v1 devices cgroup ``directory``, which must be without children.

    Raises:
        OSError: the kernel refuses.
    """
    from rktpy.host.cgroup.files import write

    write(f"{directory}/devices.deny", "a")
    for device in devices:
        write(f"{directory}/devices.allow", device.line)


def _allow(device: Device) -> list[bytes]:
    """Return the code that leaves with "yes" if ``device`` is meant, and goes on if not."""
    access = sum(_ACCESS[letter] for letter in device.access)
    before: list[bytes] = []
    tests = [(_JUMP_IF_NOT, _KIND, 0, _KINDS[device.kind])]
    if access != _EVERYTHING:  # what is asked for must not exceed it; the context is done with
        before.append(_instruction(_COPY, _CONTEXT, _ASKED))
        before.append(_instruction(_AND, _CONTEXT, value=access))
        tests.append((_JUMP_IF_DIFFER, _CONTEXT, _ASKED, 0))
    for register, number in ((_MAJOR, device.major), (_MINOR, device.minor)):
        if number is not None:
            tests.append((_JUMP_IF_NOT, register, 0, number))
    leave = _leave(1)
    jumps = [
        _instruction(code, register, other, len(tests) - 1 - index + len(leave), value)
        for index, (code, register, other, value) in enumerate(tests)
    ]
    return [*before, *jumps, *leave]


def _leave(result: int) -> list[bytes]:
    return [_instruction(_SET, _RESULT, value=result), _instruction(_EXIT)]


def _instruction(
    code: int, register: int = 0, other: int = 0, offset: int = 0, value: int = 0
) -> bytes:
    """Return one ``struct bpf_insn``: in the byte order of the machine, registers too."""
    low, high = (register, other) if sys.byteorder == "little" else (other, register)
    words = ((code, 1), (low | high << 4, 1), (offset, 2), (value, 4))
    return b"".join(word.to_bytes(size, sys.byteorder) for word, size in words)
