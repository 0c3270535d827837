"""Images that try to reach the host when they are run, and the way to tell that one did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.run.images import shell_aci, shell_files
from tests.support import archive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.images import Content

PRIVATE = "what only the host knows"
WAYS = ("--no-overlay=false", "--no-overlay", "--private-users")


def image(directory: Path, more: Mapping[str, Content], *, without: str = "/") -> Path:
    """Write a shell with ``more`` in it, and without what it has at ``without`` and below."""
    files = {
        name: content
        for name, content in shell_files().items()
        if without == "/" or not f"{name}/".startswith(f"{without}/")
    }
    return shell_aci(directory / "hostile.aci", "example.com/hostile", files=files | dict(more))


def links(host: Path) -> dict[str, Content]:
    """Return every kind of link, file and way out, to mount on and to go through."""
    climb = "../" * 20 + str(host)[1:]
    targets = {
        "absolute": str(host), "relative": climb, "chain": "chain2", "chain2": "/chain3",
        "chain3": f"{climb}/dir", "proc-root": f"/proc/self/root{host}", "proc-cwd": "/proc/1/cwd",
        "proc-fd": "/proc/self/fd/3", "dangling": "/no/where", "loop": "loop2", "loop2": "loop",
    }  # fmt: skip
    made: dict[str, Content] = {f"/{name}": archive.symlink(to) for name, to in targets.items()}
    made |= {f"/long{n}": archive.symlink(f"long{n + 1}") for n in range(300)}
    return made | {
        "/long300": archive.symlink("/"),
        "/file": archive.file("a file"),
        "/fifo": archive.fifo(),
        "/dir/inner": archive.file("inner"),
    }


def volume(kind: str, place: Path, target: str) -> tuple[str, str]:
    """Return the options that mount ``place``, or an empty volume, at ``target``."""
    source = f",source={place}" if kind == "host" else ""
    return f"--volume=vol,kind={kind}{source}", f"--mount=volume=vol,target={target}"


def state(top: Path) -> dict[str, tuple[int, int, int, int]]:
    found = {}
    for path in (top, *top.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns)
    return found
