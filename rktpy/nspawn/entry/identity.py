"""Who an app is: its ids and the bounds of its capabilities, as the kernel has them.

Read from the host's /proc, which no app can forge, and given as the pod's own user namespace
counts ids.
"""

from __future__ import annotations

import os

from rktpy.host import syscalls
from rktpy.value import Value

_AS_IT_IS = "0 0 4294967295"


class Identity(Value):
    """Who a process is, in its user namespace."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    capabilities: int  # bounding set, as bits
    no_new_privileges: bool

    def assume(self) -> None:
        """Take this identity, for good. The caller is root in that namespace.

        Raises:
            OSError: the kernel refuses.
        """
        # What may be gained first: afterwards we may lack the right to lessen it.
        syscalls.bound_capabilities(self.capabilities)
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        if self.uid == 0:
            syscalls.keep_capabilities(self.capabilities)
        if self.no_new_privileges:
            syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)


def identity_of(pid: int) -> Identity:
    """Return who the process ``pid`` is.

    Raises:
        OSError: it is gone.
    """
    fields = dict(line.partition(":")[::2] for line in _read(pid, "status").splitlines())
    uids = gids = _AS_IT_IS
    if not os.path.samestat(os.stat(f"/proc/{pid}/ns/user"), os.stat("/proc/self/ns/user")):
        uids, gids = _read(pid, "uid_map"), _read(pid, "gid_map")
    return Identity(
        uid=inside(int(fields["Uid"].split()[1]), uids),
        gid=inside(int(fields["Gid"].split()[1]), gids),
        groups=tuple(inside(int(word), gids) for word in fields["Groups"].split()),
        capabilities=int(fields["CapBnd"], 16),
        no_new_privileges=fields.get("NoNewPrivs", "").strip() == "1",
    )


def inside(number: int, mapping: str) -> int:
    """Return our id ``number`` as the namespace with ``mapping`` counts it. That has the lines of
    ``uid_map``: first id inside, first id of ours, how many.

    Raises:
        OSError: it has no such id, which is impossible for a process in it.
    """
    for line in mapping.splitlines():
        first, ours, count = (int(word) for word in line.split())
        if ours <= number < ours + count:
            return first + number - ours
    raise OSError(f"id {number} is not in the user namespace")


def _read(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read().decode("utf-8", "replace")
