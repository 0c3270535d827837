"""System calls that Python 3.11 lacks, through one libc handle. Thin: numbers in, OSError out."""

from __future__ import annotations

import ctypes
import errno
import os

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MS_SHARED = 0x100000

MNT_DETACH = 0x2
UMOUNT_NOFOLLOW = 0x8

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, *names: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), *names[:1])
    return result


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """mount(2). ``kind`` and ``data`` may be empty."""
    _check(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            os.fsencode(kind) or None,
            ctypes.c_ulong(flags),
            os.fsencode(data) or None,
        ),
        target,
    )


def umount2(target: str, flags: int) -> None:
    """umount2(2)."""
    _check(_libc.umount2(os.fsencode(target), flags), target)


def unshare(flags: int) -> None:
    """unshare(2): move this process into new namespaces."""
    _check(_libc.unshare(flags))


def setns(fd: int, flags: int) -> None:
    """setns(2): join the namespaces of ``fd``, a namespace file or a pidfd."""
    _check(_libc.setns(fd, flags))


def prctl(option: int, value: int) -> int:
    """prctl(2) with one argument."""
    return _check(
        _libc.prctl(
            option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)
        )
    )


PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2


class _Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def load_filter(code: bytes, instructions: int) -> None:
    """prctl(2) PR_SET_SECCOMP: add a filter to this process, which cannot be taken off again."""
    program = _Program(instructions, code)
    _check(
        _libc.prctl(
            PR_SET_SECCOMP,
            ctypes.c_ulong(_SECCOMP_MODE_FILTER),
            ctypes.byref(program),
            ctypes.c_ulong(0),
            ctypes.c_ulong(0),
        )
    )


_KEYCTL_JOIN_SESSION_KEYRING = 1
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}


def join_new_keyring() -> None:
    """keyctl(2): leave the caller's session keyring for an empty one.

    Raises:
        OSError: the kernel refuses, or the number of the call is not known for this machine.
    """
    number = _SYS_KEYCTL.get(os.uname().machine)
    if number is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    _check(
        _libc.syscall(
            ctypes.c_long(number),
            ctypes.c_long(_KEYCTL_JOIN_SESSION_KEYRING),
            ctypes.c_long(0),
            ctypes.c_long(0),
            ctypes.c_long(0),
            ctypes.c_long(0),
        )
    )


_SYS_OPENAT2 = 437  # the same on every architecture
RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_IN_ROOT = 0x10


def openat2(dir_fd: int, path: str, flags: int, resolve: int) -> int:
    """openat2(2) without creation: ``resolve`` says which ways out of ``dir_fd`` are shut."""
    how = (ctypes.c_uint64 * 3)(flags, 0, resolve)
    return _check(
        _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_int(dir_fd),
            os.fsencode(path),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        ),
        path,
    )


_SYS_OPEN_TREE = 428
_SYS_MOVE_MOUNT = 429
_SYS_MOUNT_SETATTR = 442
_OPEN_TREE_CLONE = 0x1
_AT_EMPTY_PATH = 0x1000
_AT_FDCWD = -100
_MOVE_FROM_AND_TO_DESCRIPTORS = 0x04 | 0x40  # MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH
MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_IDMAP = 0x100000


def open_tree(path: str) -> int:
    """open_tree(2): return a descriptor of a copy, mounted nowhere yet, of the mount at ``path``.

    The copy begins at ``path`` and has nothing of what is mounted below it. The caller closes it.
    """
    return _check(
        _libc.syscall(
            ctypes.c_long(_SYS_OPEN_TREE),
            ctypes.c_int(_AT_FDCWD),
            os.fsencode(path),
            ctypes.c_uint(_OPEN_TREE_CLONE | os.O_CLOEXEC),
        ),
        path,
    )


def move_mount(mount_fd: int, target_fd: int) -> None:
    """move_mount(2): mount what ``open_tree`` returned on an open file or directory."""
    _check(
        _libc.syscall(
            ctypes.c_long(_SYS_MOVE_MOUNT),
            ctypes.c_int(mount_fd),
            b"",
            ctypes.c_int(target_fd),
            b"",
            ctypes.c_uint(_MOVE_FROM_AND_TO_DESCRIPTORS),
        )
    )


def mount_setattr(mount_fd: int, attributes: int, user_namespace: int = 0) -> None:
    """mount_setattr(2): set ``MOUNT_ATTR_*`` of the mount of ``mount_fd``, and of that only."""
    change = (ctypes.c_uint64 * 4)(attributes, 0, 0, user_namespace)
    _check(
        _libc.syscall(
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            ctypes.c_int(mount_fd),
            b"",
            ctypes.c_uint(_AT_EMPTY_PATH),
            ctypes.byref(change),
            ctypes.c_size_t(ctypes.sizeof(change)),
        )
    )


def inotify_init1(flags: int) -> int:
    """inotify_init1(2): return a descriptor that the caller closes."""
    return _check(_libc.inotify_init1(flags))


def inotify_add_watch(fd: int, path: str, mask: int) -> int:
    """inotify_add_watch(2): return the number of the watch; one file has one, whatever its path."""
    return _check(_libc.inotify_add_watch(fd, os.fsencode(path), ctypes.c_uint32(mask)), path)


def inotify_rm_watch(fd: int, watch: int) -> None:
    """inotify_rm_watch(2)."""
    _check(_libc.inotify_rm_watch(fd, watch))


def syncfs(fd: int) -> None:
    """syncfs(2): make the whole file system that holds ``fd`` durable."""
    _check(_libc.syncfs(fd))


PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38


def bound_capabilities(mask: int) -> None:
    """Let no program that this process executes gain a capability outside the bit ``mask``.

    Needs CAP_SETPCAP; without it nothing changes.
    """
    for number in range(64):
        if not mask >> number & 1:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError:
                break  # past the kernel's last one, or no CAP_SETPCAP


def keep_capabilities(mask: int) -> None:
    """Give up, for good, every capability of this process outside the bit ``mask``.

    Capabilities it does not have are not gained. The bounding set shrinks too where the
    process may change it.
    """
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    data = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable: low words, then high
    _check(_libc.capget(ctypes.byref(header), ctypes.byref(data)))
    bound_capabilities(mask)
    low, high = data[1] & mask & 0xFFFFFFFF, data[4] & mask >> 32
    data[0], data[1], data[2], data[3], data[4], data[5] = low, low, 0, high, high, 0
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)))


# bpf(2) has a number of its own on every older architecture.
_SYS_BPF = {
    "x86_64": 321, "aarch64": 280, "riscv64": 280, "armv7l": 386, "i686": 357, "ppc64le": 361,
    "s390x": 351,
}  # fmt: skip
_BPF_PROG_LOAD, _BPF_PROG_ATTACH = 5, 8
_BPF_PROG_TYPE_CGROUP_DEVICE, _BPF_CGROUP_DEVICE = 15, 6
_BPF_F_ALLOW_MULTI = 2  # programs of the cgroups above stay in force


class _BpfLoad(ctypes.Structure):
    """The beginning of ``union bpf_attr`` for BPF_PROG_LOAD."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("code", ctypes.c_uint64),
        ("license", ctypes.c_uint64),
        ("log", ctypes.c_uint32 * 6),
        ("name", ctypes.c_char * 16),
    )


def bpf_load_device_program(code: bytes, licence: bytes, name: bytes) -> int:
    """bpf(2): return the descriptor of a program of a cgroup's device policy."""
    texts = [ctypes.create_string_buffer(text, len(text) + 1) for text in (code, licence)]
    code_at, licence_at = (ctypes.addressof(text) for text in texts)
    none = (ctypes.c_uint32 * 6)()
    attributes = _BpfLoad(
        _BPF_PROG_TYPE_CGROUP_DEVICE, len(code) // 8, code_at, licence_at, none, name
    )
    return _bpf(_BPF_PROG_LOAD, attributes, ctypes.sizeof(attributes))


def bpf_attach_device_program(cgroup: int, program: int) -> None:
    """bpf(2): put the program in force in a cgroup, beside those of others."""
    attributes = (ctypes.c_uint32 * 4)(cgroup, program, _BPF_CGROUP_DEVICE, _BPF_F_ALLOW_MULTI)
    _bpf(_BPF_PROG_ATTACH, attributes, ctypes.sizeof(attributes))


def _bpf(
    command: int, attributes: ctypes.Structure | ctypes.Array[ctypes.c_uint32], size: int
) -> int:
    number = _SYS_BPF.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "bpf")
    result: int = _libc.syscall(
        ctypes.c_long(number), ctypes.c_int(command), ctypes.byref(attributes), ctypes.c_uint(size)
    )
    return _check(result, "bpf")
