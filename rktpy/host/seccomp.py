"""System call filters: compiled once by libseccomp, loaded by later processes as plain BPF.

Compiling takes libseccomp some 40 ms (2.5), loading the result the kernel less than one.
"""

from __future__ import annotations

import ctypes
import os
import struct

from rktpy.host import syscalls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000  # SCMP_ACT_ALLOW
_ERRNO = 0x00050000  # SCMP_ACT_ERRNO
_EPERM, _EAFNOSUPPORT = 1, 97
_UNKNOWN_CALL = -1  # __NR_SCMP_ERROR
_ACT_BADARCH = 2  # SCMP_FLTATR_ACT_BADARCH
_EQUAL = 4  # SCMP_CMP_EQ
_AF_NETLINK, _NETLINK_AUDIT = 16, 9
_INSTRUCTION = 8  # bytes of a struct sock_filter
_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS
_COUNT = struct.Struct("<H")

# Instruction sets that a machine runs besides its own, as SCMP_ARCH_* tokens.
_COMPATIBLE = {
    "x86_64": (0x40000003, 0x4000003E),  # X86, X32
    "aarch64": (0x40000028,),  # ARM
}


class _Comparison(ctypes.Structure):
    """struct scmp_arg_cmp"""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("datum_a", ctypes.c_uint64),
        ("datum_b", ctypes.c_uint64),
    )


class _Library:
    """libseccomp by ctypes: the functions that are needed, with their signatures."""

    def __init__(self) -> None:
        library = ctypes.CDLL(_LIBRARY)
        self.init = library.seccomp_init
        self.init.restype, self.init.argtypes = ctypes.c_void_p, [ctypes.c_uint32]
        self.release = library.seccomp_release
        self.release.restype, self.release.argtypes = None, [ctypes.c_void_p]
        self.resolve = library.seccomp_syscall_resolve_name
        self.resolve.argtypes = [ctypes.c_char_p]
        self.arch_add = library.seccomp_arch_add
        self.arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
        self.attr_set = library.seccomp_attr_set
        self.attr_set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint32]
        self.rule_add = library.seccomp_rule_add_array
        self.rule_add.argtypes = [
            ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p,
        ]  # fmt: skip
        self.export = library.seccomp_export_bpf
        self.export.argtypes = [ctypes.c_void_p, ctypes.c_int]


def compile_pod_filter(allowed: Iterable[str], machine: str) -> bytes:
    """Return filters that refuse every system call but ``allowed`` with EPERM.

    They hold for ``machine`` (as uname names it) and what it runs besides. Names that libseccomp
    does not know are left out. Audit sockets get EAFNOSUPPORT, by which user space takes audit
    for absent, as systemd-nspawn has it.

    Raises:
        OSError: there is no libseccomp, or it refuses.
    """
    library = _Library()
    programs = (
        _program(library, _ERRNO | _EPERM, machine, _allow(library, allowed)),
        _program(library, _ALLOW, "", [(_ERRNO | _EAFNOSUPPORT, library.resolve(b"socket"), (
            _Comparison(0, _EQUAL, _AF_NETLINK, 0), _Comparison(2, _EQUAL, _NETLINK_AUDIT, 0),
        ))]),
    )  # fmt: skip
    return b"".join(_COUNT.pack(len(code) // _INSTRUCTION) + code for code in programs)


def load(filters: bytes) -> None:
    """Put this process and all it becomes or starts under ``filters``, for good.

    Needs CAP_SYS_ADMIN: set-user-ID programs keep their meaning, so no PR_SET_NO_NEW_PRIVS.

    Raises:
        ValueError: ``filters`` is not what ``compile_pod_filter`` returned; nothing is loaded.
        OSError: the kernel refuses.
    """
    for code in list(_split(filters)):
        syscalls.load_filter(code, len(code) // _INSTRUCTION)


def _allow(
    library: _Library, names: Iterable[str]
) -> Iterator[tuple[int, int, tuple[_Comparison, ...]]]:
    for name in names:
        number = library.resolve(name.encode())
        if number != _UNKNOWN_CALL:
            yield _ALLOW, number, ()


def _program(
    library: _Library,
    default: int,
    machine: str,
    rules: Iterable[tuple[int, int, tuple[_Comparison, ...]]],
) -> bytes:
    context = library.init(default)
    if not context:
        raise OSError("libseccomp cannot make a filter")
    try:
        # What is neither this machine's nor compatible the kernel does not run anyway.
        _check(library.attr_set(context, _ACT_BADARCH, default if machine else _ALLOW))
        for token in _COMPATIBLE.get(machine, ()):
            _check(library.arch_add(context, token))
        for action, number, comparisons in rules:
            array = (_Comparison * len(comparisons))(*comparisons)
            _check(library.rule_add(context, action, number, len(comparisons), array))
        return _exported(library, context)
    finally:
        library.release(context)


def _exported(library: _Library, context: int) -> bytes:
    fd = os.memfd_create("filter")
    try:
        _check(library.export(context, fd))
        size = os.fstat(fd).st_size
        return os.pread(fd, size, 0)
    finally:
        os.close(fd)


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, f"libseccomp: {os.strerror(-result)}")


def _split(filters: bytes) -> Iterator[bytes]:
    """Yield the code of each program, or nothing but an error for a damaged file."""
    place = 0
    while place < len(filters):
        (count,) = _COUNT.unpack_from(filters.ljust(place + _COUNT.size, b"\0"), place)
        start = place + _COUNT.size
        place = start + count * _INSTRUCTION
        if not 0 < count <= _MOST_INSTRUCTIONS or place > len(filters):
            raise ValueError("not a compiled filter")
        yield filters[start:place]
