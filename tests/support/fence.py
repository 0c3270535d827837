"""The fence of the tiers that need no root: a test that follows a wrong path destroys nothing.

Root's tests own what they find on the way. So the whole process of these tiers, before it
collects a test, enters a mount namespace in which nothing may be written but the directory for
temporary files and the project's caches: there, ``unlink`` of ``/etc/passwd`` ends in EROFS. The
capability to take the fence down is given up with it, by this process and all it starts.

Descriptors that were open before, such as standard output, stay what they were.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import TYPE_CHECKING

from tests.support.sandbox import CLONE_NEWNS, MS_REC, call_libc
from tests.support.tiers import ROOT as TESTS

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = os.path.dirname(TESTS)
MS_BIND, MS_PRIVATE = 0x1000, 0x40000
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 0x1
PR_CAPBSET_DROP = 24
CAP_SETPCAP, CAP_SYS_ADMIN = 8, 21
CAPABILITY_VERSION_3 = 0x20080522


def caches() -> list[str]:
    """Return the checkout's directories that Python, pytest and hypothesis write to, all made:
    without them each run would rewrite the assertions of all tests.
    """
    found = [f"{ROOT}/.hypothesis", f"{ROOT}/.pytest_cache"]
    for top in ("rktpy", "tests"):
        for path, directories, files in os.walk(f"{ROOT}/{top}"):
            directories[:] = [name for name in directories if name != "__pycache__"]
            if any(name.endswith(".py") for name in files):
                found.append(f"{path}/__pycache__")
    for path in found:
        os.makedirs(path, exist_ok=True)
    return found


def enclose(writable: Iterable[str]) -> None:
    """Make all mounts read-only for this process but these files and directories, for good.
    OSError where the kernel does not allow it (no CAP_SYS_ADMIN, or Linux before 5.12); nothing
    is changed then outside this process.
    """
    try:
        _close(writable)
    finally:
        # Whatever stands by then: no test is to have more power for want of a fence.
        _give_up(CAP_SYS_ADMIN, CAP_SETPCAP)


def made(name: str) -> str:
    """Return the path of a file that will be written from inside, which has to be there."""
    path = os.path.abspath(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
    return path


def _close(writable: Iterable[str]) -> None:
    call_libc("unshare", CLONE_NEWNS)
    call_libc("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    _set_mount(b"/", AT_RECURSIVE, (MOUNT_ATTR_RDONLY, 0))
    for name in writable:
        path = os.fsencode(name)
        call_libc("mount", path, path, None, MS_BIND, None)
        _set_mount(path, 0, (0, MOUNT_ATTR_RDONLY))
    # Enter the directory again: the mounts that were made are not seen by the old one.
    os.chdir(os.getcwd())


def _set_mount(path: bytes, flags: int, change: tuple[int, int]) -> None:
    attributes = struct.pack("=QQQQ", *change, 0, 0)  # set, clear, propagation, user namespace
    function = ctypes.CDLL(None, use_errno=True).mount_setattr
    size = ctypes.c_size_t(len(attributes))
    if function(AT_FDCWD, path, flags, attributes, size) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"mount_setattr: {os.strerror(error)}", os.fsdecode(path))


def _give_up(*capabilities: int) -> None:
    """Take capabilities, all below 32, from this process and from programs it will start."""
    for capability in capabilities:
        call_libc("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    data = ctypes.create_string_buffer(24)
    call_libc("capget", header, data)
    # Twice effective, permitted, inheritable: the lower 32 bits of each, then the upper.
    words = list(struct.unpack("=6I", data.raw))
    lost = sum(1 << capability for capability in capabilities)
    words[:3] = [word & ~lost for word in words[:3]]
    call_libc("capset", header, struct.pack("=6I", *words))
