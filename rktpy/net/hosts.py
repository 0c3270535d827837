"""The hosts file of a running pod: a part of its own, then one part for each of its networks.

<pod>/net/hosts         bound into the apps over /etc/hosts
<pod>/net/hosts.new     what a write of more than a page is about to make of it

Apps have it mounted, so it is never replaced: it keeps its inode, and a part is changed by one
write from the first page on that differs, padded with empty lines to the old length, and then cut.
Who reads it during the write may see parts of both texts: most file systems do not make readers
wait. A kill can cut a write between two pages only: then the next writer finds
``hosts.new`` and begins with that. A part lies between two comments; what
apps write outside of the parts stays, and who takes a part's first comment away gets no news of
that network.
"""

from __future__ import annotations

import os
import stat

from rktpy.host.files import read_bytes, rewrite, write_atomic
from rktpy.host.lock import lock_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BEGIN = "# pods of network "
_PAGE = 4096  # bytes; at least that much of a write is done or not
_LIMIT = 1 << 20  # bytes; an app may have written anything
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def path(pod: str) -> str:
    """Return where the file of the pod in the directory ``pod`` is."""
    return f"{pod}/net/hosts"


def prepare(pod: str, text: str, networks: Iterable[str], owner: int = 0) -> None:
    """Write the file with ``text`` and an empty part for each of ``networks``, for ``owner``.

    Raises:
        OSError: the disk says no.
    """
    gap = "" if not text or text.endswith("\n") else "\n"
    parts = "".join(_part(network, ()) for network in networks)
    place = path(pod)
    os.makedirs(os.path.dirname(place), 0o755, exist_ok=True)
    write_atomic(place, (text + gap + parts).encode(), mode=0o644, durable=False)
    if owner:
        os.chown(place, owner, owner)


def change(pod: str, network: str, lines: Sequence[str]) -> None:
    """Make ``lines`` the part of ``network``; a pod without file or part stays without.

    Raises:
        OSError: the disk is full, or says no; then all is as before.
    """
    try:
        # Not the file itself: an app could hold that for ever.
        with lock_dir(f"{pod}/net"):
            fd = os.open(path(pod), os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    _change(fd, f"{path(pod)}.new", network, lines)
            finally:
                os.close(fd)
    except FileNotFoundError:
        pass  # the pod is being removed, or has a hosts file of the user's


def changed(text: bytes, network: str, lines: Iterable[str]) -> bytes | None:
    """Return ``text`` with ``lines`` as the part of ``network``, None if it has no such part."""
    begin, end = (mark.encode() for mark in _marks(network))
    start = _find(text, begin, 0)
    if start < 0:
        return None
    inside = start + len(begin)
    limit = _find(text, _BEGIN.encode(), inside)
    limit = len(text) if limit < 0 else limit
    stop = _find(text, end, inside)
    stop = stop + len(end) if 0 <= stop < limit else limit
    rest = text[stop:]
    if not rest.strip(b"\n"):
        rest = b""  # padding
    return text[:start] + _part(network, lines).encode() + rest


def _change(fd: int, aside: str, network: str, lines: Iterable[str]) -> None:
    there = os.pread(fd, _LIMIT + 1, 0)
    if len(there) > _LIMIT:
        return  # an app's doing, and its own loss
    try:
        unfinished = read_bytes(aside)
    except FileNotFoundError:
        unfinished = b""
    new = changed(unfinished or there, network, lines)
    if new is None:
        return
    if new != there:
        first = _first_page(new, there)
        if max(len(new), len(there)) > first + _PAGE:
            # Never missing: of a write that a kill has cut it is all that is left.
            rewrite(aside, new, mode=0o600)
            unfinished = new
        if len(new) > len(there):
            _grow(fd, len(there), len(new))
        _write(fd, new.ljust(len(there), b"\n")[first:], first)
        os.ftruncate(fd, len(new))
    if unfinished:
        os.unlink(aside)


def _first_page(new: bytes, there: bytes) -> int:
    """Return where the first page begins in which two texts differ."""
    start = 0
    while new[start : start + _PAGE] == there[start : start + _PAGE]:
        start += _PAGE
    return start


def _grow(fd: int, size: int, wanted: int) -> None:
    """Make room by empty lines at the end, so that a full disk tears no line."""
    try:
        _write(fd, b"\n" * (wanted - size), size)
    except OSError:
        os.ftruncate(fd, size)
        raise


def _write(fd: int, data: bytes, start: int) -> None:
    while data:
        done = os.pwrite(fd, data, start)
        data, start = data[done:], start + done


def _part(network: str, lines: Iterable[str]) -> str:
    begin, end = _marks(network)
    return begin + "".join(f"{line}\n" for line in lines) + end


def _marks(network: str) -> tuple[str, str]:
    name = "".join(char if char in _PLAIN else f"%{ord(char):x}" for char in network)
    return f"{_BEGIN}{name}\n", f"# end of network {name}\n"


def _find(text: bytes, line: bytes, start: int) -> int:
    """Return where a line beginning with ``line`` is, from the beginning of a line ``start`` on;
    -1 without one."""
    if text.startswith(line, start):
        return start
    found = text.find(b"\n" + line, start)
    return found + 1 if found >= 0 else -1
