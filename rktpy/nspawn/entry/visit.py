"""Going into an app's root to look and to write, without becoming a part of the app.

Only mounts and owners are those of the pod; network, processes and control groups stay the
caller's, so the app neither sees nor signals the visitor.
"""

from __future__ import annotations

import os

from rktpy.host import syscalls
from rktpy.host.pidfd import check_numbers
from rktpy.nspawn.entry.enter import (
    EnterError,
    app_process_in_its_root,
    become_root,
    foreign_user_namespace,
)
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.pidfd import Process


class AppRoot(Resource):
    """The root of an app in a running pod, held open. Closing lets go of it."""

    __slots__ = ("_below", "_mounts", "_root", "_user")

    def __init__(self, leader: Process, app: str) -> None:
        """Hold the root of ``app`` in the pod whose PID 1 is ``leader``.

        An app that has ended has none of its own any more: then it is where stage1 has it, with
        its volumes, but without what its unit bound into it.

        Raises:
            EnterError: the pod, or just now the app, went away.
        """
        process = app_process_in_its_root(leader.pid, app)
        self._below = "" if process else f"/opt/stage2/{app}/rootfs"
        self._mounts = self._root = -1
        self._user: list[int] = []
        try:
            of = f"/proc/{(process or leader).pid}"
            self._root = os.open(f"{of}/root", os.O_PATH | os.O_CLOEXEC)
            self._mounts = os.open(f"{of}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
            self._user = foreign_user_namespace(leader.pid)
            check_numbers(leader, process)
        except OSError as error:
            self.close()
            raise EnterError(f"cannot join app {app!r}") from error
        finally:
            if process:
                process.close()

    def take(self) -> None:
        """Make it the root of the calling process, which should be a child made for that.

        Raises:
            OSError: the kernel refuses.
        """
        syscalls.setns(self._mounts, 0)
        for user in self._user:
            syscalls.setns(user, 0)
            become_root()
        os.fchdir(self._root)
        os.chroot(".")
        if self._below:
            os.chroot(self._below)
        os.chdir("/")

    def close(self) -> None:
        """Let go; twice is fine."""
        for fd in (self._root, self._mounts, *self._user):
            if fd >= 0:
                os.close(fd)
        self._root = self._mounts = -1
        self._user = []
