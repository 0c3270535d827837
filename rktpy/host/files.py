"""Files that must be whole or absent, and paths that must stay below a root."""

from __future__ import annotations

import os


def write_atomic(path: str, data: bytes, *, mode: int = 0o640, durable: bool = True) -> None:
    """Make ``path`` a file holding ``data``: readers see the old or the new one, never a part.

    ``durable`` also survives a power cut (fsync of file and directory).
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    fd = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode
    )
    try:
        os.fchmod(fd, mode)
        _write_all(fd, data)
        if durable:
            os.fsync(fd)
    except BaseException:
        os.close(fd)
        os.unlink(temporary)
        raise
    os.close(fd)
    os.rename(temporary, path)
    if durable:
        sync_dir(os.path.dirname(path))


def write_new(path: str, data: bytes, *, mode: int = 0o640) -> None:
    """Create ``path`` with ``data``; for files nobody reads before their directory is renamed.

    Raises:
        FileExistsError: something is there.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        os.fchmod(fd, mode)
        _write_all(fd, data)
    finally:
        os.close(fd)


def read_bytes(path: str, *, limit: int = 1 << 24) -> bytes:
    """Return the content of ``path``, at most ``limit`` bytes of it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is larger than ``limit``.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        chunks = []
        left = limit + 1
        while left > 0 and (chunk := os.read(fd, min(left, 1 << 16))):
            chunks.append(chunk)
            left -= len(chunk)
    finally:
        os.close(fd)
    if left <= 0:
        raise ValueError(f"{path} is larger than {limit} bytes")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def sync_dir(path: str) -> None:
    """fsync the directory ``path``, making renames in it durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
