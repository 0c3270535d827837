"""What extended headers of tar (pax) say of the member that follows, or of all that follow.

Anybody may write any number of records, so only those that change what is extracted are kept,
and not too many: they stay in memory, and each member is held against all of them.
"""

from __future__ import annotations

from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

XATTR = b"SCHILY.xattr."
SPARSE = b"GNU.sparse."
_MANY = 4096  # records of one member; with 64 KiB of attributes it has not as many
_SHARED = 64  # for all members that follow: it says where the archive comes from
_BYTES = 1 << 20


def add(records: dict[bytes, bytes], text: bytes, *, shared: bool) -> None:
    """Put what the header ``text`` says into ``records``; ``shared``: they are for all members.

    Raises:
        ArchiveError: it cannot be read.
        ArchiveLimitError: with it there are too many.
    """
    records.update(_records(text))
    size = sum(len(key) + len(value) for key, value in records.items())
    if len(records) > (_SHARED if shared else _MANY) or size > _BYTES:
        raise ArchiveLimitError("the extended tar headers of a member say too much")


def _records(text: bytes) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    position, end = 0, len(text.rstrip(b"\0"))
    while position < end:
        space = text.find(b" ", position, position + 9)
        digits = text[position:space] if space > position else b""
        if not digits.isdigit():
            raise ArchiveError("invalid pax header")
        stop = position + int(digits)
        key, equals, value = text[space + 1 : stop].partition(b"=")
        if stop > end or not equals or not key or not value.endswith(b"\n"):
            raise ArchiveError("invalid pax header")
        if key in OVERRIDES or key.startswith((XATTR, SPARSE)):
            records[key] = value[:-1]
        position = stop
    return records


def _decimal(value: bytes) -> int:
    if not value.isdigit() or len(value) > 18:
        raise ArchiveError(f"invalid pax header: bad number {shown(value)}")
    return int(value)


def _nanoseconds(value: bytes) -> int:
    whole, _, fraction = value.partition(b".")
    negative = whole.startswith(b"-")
    digits = whole[1:] if negative else whole
    if not digits.isdigit() or len(digits) > 18 or (fraction and not fraction.isdigit()):
        raise ArchiveError("invalid pax header: bad mtime")
    result = int(digits) * 10**9 + int((fraction + b"000000000")[:9])
    return -result if negative else result


OVERRIDES: dict[bytes, tuple[str, Callable[[bytes], object]]] = {
    b"path": ("name", bytes),
    b"linkpath": ("link", bytes),
    b"size": ("size", _decimal),
    b"uid": ("uid", _decimal),
    b"gid": ("gid", _decimal),
    b"mtime": ("mtime", _nanoseconds),
}
