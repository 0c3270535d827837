"""What /proc says about one process. Nothing is an error: a process may end at any moment."""

from __future__ import annotations

import os

_CAP_SYS_RESOURCE = 24


def children(pid: int) -> list[int]:
    """Return the children of the process ``pid``; none if it is gone."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        if os.path.exists("/proc/1/task/1/children"):
            return []  # the process is gone
    except (ProcessLookupError, PermissionError):
        return []
    # A kernel without CONFIG_PROC_CHILDREN: the fourth field of everybody's stat.
    return [int(n) for n in os.listdir("/proc") if n.isdigit() and parent(int(n)) == pid]


def parent(pid: int) -> int:
    """Return the parent of the process ``pid``, 0 if it is gone."""
    stat = read(f"/proc/{pid}/stat")
    fields = stat[stat.rfind(b")") + 2 :].split()  # the name in brackets may contain anything
    return int(fields[1]) if len(fields) > 1 else 0


def is_pid1(pid: int) -> bool:
    """Return whether the process is the first one of a PID namespace below ours."""
    namespaces = status(pid).get("NSpid", "").split()
    return len(namespaces) > 1 and namespaces[-1] == "1"


def status(pid: int) -> dict[str, str]:
    """Return the fields of ``/proc/<pid>/status``."""
    lines = read(f"/proc/{pid}/status").decode("utf-8", "replace").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def lowest_oom_score(*, in_user_namespace: bool) -> int:
    """Return the lowest oom_score_adj that root may give to processes here (proc(5)).

    Going below its own takes CAP_SYS_RESOURCE of the host, which no user namespace has.
    """
    capabilities = int(status(os.getpid()).get("CapEff", "0"), 16)
    if capabilities >> _CAP_SYS_RESOURCE & 1 and not in_user_namespace:
        return -1000
    return int(read("/proc/self/oom_score_adj") or b"0")


def read(path: str) -> bytes:
    """Return what a file of /proc says, b"" if its process is gone or not ours to look at."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 1 << 16)
    except OSError:
        return b""
    finally:
        os.close(fd)
