"""The least that each operation can cost: what the kernel and systemd need without any of us.

``F`` is the namespaces and the chroot alone; ``boot`` is systemd-nspawn starting a tree that holds
only systemd and one service running ``true``, what no pod with systemd inside can go below.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from rktpy.host.tree.inode_flags import spread_children
from tests.bench import sandbox
from tests.bench.model import Command, Side, UnavailableError
from tests.support.closure import closure_files, find_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_UNITS = {
    "app.service": """\
[Unit]
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
[Service]
ExecStart=/bin/busybox true
""",
    "default.target": """\
[Unit]
Requires=app.service
""",
}
_JOURNAL_UNITS = {
    "systemd-journald.service": """\
[Unit]
DefaultDependencies=no
Requires=systemd-journald.socket
[Service]
Type=notify
Sockets=systemd-journald.socket
ExecStart=/lib/systemd/systemd-journald
""",
    "systemd-journald.socket": """\
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=/run/systemd/journal/stdout
ListenDatagram=/run/systemd/journal/socket
""",
    "default.target": """\
[Unit]
Requires=systemd-journald.service app.service
After=systemd-journald.service
""",
}


class Floors:
    """Trees for the floors, made below ``home`` when first asked for."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def interpreter(self) -> Side:
        """The bare Python that rktpy's launcher starts."""
        return Side([("/usr/bin/python3", "-I", "-S", "-c", "pass")])

    def namespaces(self) -> Side:
        """F: new mount, PID, network and IPC-free namespaces, a chroot and ``true``."""
        return Side([self._chroot("-fpmn")])

    def two(self) -> Side:
        """Two apps in one set of namespaces."""
        return Side([(*self._chroot("-fpmn")[:-1], "sh", "-c", "true & true; wait")])

    def boot(self, *, journal: bool = False) -> Side:
        """A bare systemd-nspawn boot of a trimmed tree that runs one service and exits."""
        root = self._systemd_tree(journal=journal)
        command = (
            str(find_binary("systemd-nspawn")), "--quiet", f"--directory={root}", "--boot",
            "--register=no", "--keep-unit", "--settings=no", "--resolv-conf=off",
            "--timezone=off", "--link-journal=no",
            "--", "--show-status=0", "--log-target=null",
        )  # fmt: skip
        return Side([command])

    def nsenter(self) -> Side:
        """Joining the namespaces of a running process and running ``true`` there."""
        process = subprocess.Popen(["/usr/bin/unshare", "-mn", "/bin/sleep", "3600"])

        def close() -> None:
            process.kill()
            process.wait()

        command = ("/usr/bin/nsenter", f"--target={process.pid}", "-m", "-n", "/bin/true")
        return Side([command], close=close)

    def extract(self, archive: Path) -> Side:
        """Unpacking ``archive`` with tar into an empty directory."""
        target = self._home / "extract"
        self._home.mkdir(exist_ok=True)
        spread_children(str(self._home))  # as rktpy's store

        def before() -> None:
            sandbox.set_aside(target)
            target.mkdir()

        command = ("/usr/bin/tar", "-C", str(target), "-xf", str(archive))
        return Side([command], before=before)

    def remove(self, make: Callable[[], Sequence[Path]]) -> Side:
        """Deleting with rm what ``make`` makes anew for each sample."""
        commands: list[Command] = [("/usr/bin/rm",)]

        def before() -> None:
            commands[0] = ("/usr/bin/rm", "-r", *map(str, make()))

        return Side(commands, before=before)

    def _chroot(self, namespaces: str) -> Command:
        root = self._home / "busybox"
        if not root.exists():
            _install(root, {"/bin/busybox": find_binary("busybox")})
        unshare = ("/usr/bin/unshare", namespaces)
        return (*unshare, "/usr/sbin/chroot", str(root), "/bin/busybox", "true")

    def _systemd_tree(self, *, journal: bool) -> Path:
        root = self._home / ("journal-tree" if journal else "systemd-tree")
        if root.exists():
            return root
        programs = {
            "/lib/systemd/systemd",
            "/lib/systemd/systemd-executor",
            "/lib/systemd/systemd-shutdown",
        }
        if journal:
            programs.add("/lib/systemd/systemd-journald")
        binaries = [path for path in map(Path, sorted(programs)) if path.exists()]
        if not binaries:
            raise UnavailableError("systemd is not installed")
        _install(root, {name: entry.source for name, entry in closure_files(binaries).items()})
        _install(root, {"/bin/busybox": find_binary("busybox")})
        for directory in ("proc", "sys", "dev", "run", "tmp", "var", "usr", "etc/systemd/system"):
            (root / directory).mkdir(parents=True, exist_ok=True)
        (root / "usr/lib/systemd").mkdir(parents=True, exist_ok=True)
        (root / "usr/lib/os-release").write_text("ID=floor\n")
        (root / "etc/os-release").symlink_to("../usr/lib/os-release")
        (root / "etc/machine-id").write_text("0" * 31 + "1\n")
        (root / "sbin").mkdir()
        (root / "sbin/init").symlink_to("/lib/systemd/systemd")
        for name, text in (_UNITS | (_JOURNAL_UNITS if journal else {})).items():
            (root / "etc/systemd/system" / name).write_text(text)
        return root


def _install(root: Path, files: Mapping[str, Path | None]) -> None:
    for where, source in files.items():
        target = root / where.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source is not None:
            shutil.copy(source, target)
