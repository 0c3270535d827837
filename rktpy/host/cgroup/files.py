"""Control groups as directories, and their small files, which may vanish at any time."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def write(path: str, text: str) -> None:
    """Write ``text`` in one call, as the kernel wants it; OSError if it refuses."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def read(path: str) -> str:
    """Return the content as text, "" if it cannot be read."""
    return read_bytes(path).decode("utf-8", "surrogateescape")


def read_bytes(path: str) -> bytes:
    """Return the content, b"" if it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    chunks = []
    try:
        while chunk := os.read(fd, 1 << 16):
            chunks.append(chunk)
    except OSError:
        return b""
    finally:
        os.close(fd)
    return b"".join(chunks)


def make(directory: str, owner: int = 0) -> None:
    """Make a cgroup that belongs to the user ``owner``, as does what the kernel puts into it.

    One that is there is taken over.

    Raises:
        OSError: the kernel refuses.
    """
    try:
        os.mkdir(directory, 0o755)
    except FileExistsError:
        pass
    if owner:
        for path in (directory, *(entry.path for entry in os.scandir(directory))):
            os.chown(path, owner, owner)


def walk(top: str) -> Iterator[str]:
    """Yield the cgroup at ``top`` and those below it, parents first; nothing if it is gone."""
    try:
        with os.scandir(top) as entries:
            below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    yield top
    for folder in below:
        yield from walk(folder)
