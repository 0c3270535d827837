"""A place for extraction that shows whatever gets out of it: a file system of this process's own.

/mnt, or / after ``lock``
├── canary  in/canary  in/canary.d/inner    must stay as they are, and alone
└── in/target/                              where archives go
"""

from __future__ import annotations

import os
import shutil
import stat

from rktpy.host import syscalls

_SIZE = "size=256m,nr_inodes=200k"
_NAMES = ("canary", "in/canary", "in/canary.d/inner")


class Room:
    """Root's only. Entering it cannot be undone: a process that does is good for nothing else."""

    def __init__(self) -> None:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("", "/", "", syscalls.MS_SLAVE | syscalls.MS_REC)
        syscalls.mount("tmpfs", "/mnt", "tmpfs", 0, _SIZE)
        os.umask(0)
        self._base = "/mnt"
        os.makedirs("/mnt/in/canary.d")
        for name in _NAMES:
            with open(f"/mnt/{name}", "wb") as file:
                file.write(b"untouched")
        os.symlink("canary", "/mnt/link")
        self.target = "/mnt/in/target"
        self._clean = self._outside()

    def lock(self) -> None:
        """Make the room all there is."""
        os.chroot(self._base)
        os.chdir("/")
        self._base, self.target = "", "/in/target"
        self._clean = self._outside()

    def fresh(self) -> str:
        """Return an empty directory for an archive, which is the current one too."""
        os.chdir("/")
        if os.path.lexists(self.target):
            shutil.rmtree(self.target)
        os.mkdir(self.target)
        os.chdir(self.target)
        return self.target

    def check(self) -> None:
        """Raise if anything outside of the target is not as it was."""
        found = self._outside()
        assert found == self._clean, f"outside of the target: {set(found) ^ set(self._clean)}"

    def _outside(self) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        pending = [self._base or "/"]
        while pending:
            path = pending.pop()
            info = os.lstat(path)
            seen = (path, info.st_mode, info.st_uid, info.st_gid, info.st_nlink, info.st_size)
            if not stat.S_ISDIR(info.st_mode):
                found.append((*seen, info.st_ino, info.st_mtime_ns, info.st_ctime_ns))
                continue
            # Times and link counts of directories change with the target.
            found.append(seen[:4])
            names = os.listdir(path)
            children = [f"{path.rstrip('/')}/{name}" for name in names]
            pending += [child for child in children if child != self.target]
        return sorted(found)
