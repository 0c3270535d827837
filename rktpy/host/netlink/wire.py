"""What every rtnetlink message is made of: a header and attributes; bytes in, bytes out.

Sources: linux/netlink.h, netlink(7). Numbers are in the byte order of the machine, attributes
begin at multiples of four bytes. Nothing here opens a socket.
"""

from __future__ import annotations

import struct

from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST, ACK, DUMP = 0x1, 0x4, 0x300  # of any request; DUMP is ROOT and MATCH
REPLACE, EXCLUSIVE, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800  # of a request that adds
DUMP_INTERRUPTED = 0x10
CAPPED, WITH_ATTRIBUTES = 0x100, 0x200  # of an acknowledgement

NOOP, ERROR, DONE, OVERRUN = 1, 2, 3, 4

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_KIND = 0x3FFF  # the two bits above say "nested" and "big endian"
_NUMBER = struct.Struct("=I")
_ERROR_TEXT = 1  # NLMSGERR_ATTR_MSG


class NetlinkError(RktError):
    """The kernel refused a request, did not answer, or answered what we cannot read.

    ``number`` is the errno the kernel gave, 0 where there is none.
    """

    def __init__(self, message: str, *, hint: str | None = None, number: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.number = number


class Request(Value):
    """One request as data. ``says`` completes "cannot …" in errors; ``body`` follows the header.
    With ``content`` it is fine that something is there already."""

    says: str
    kind: int
    flags: int
    body: bytes
    content: bool = False

    def encode(self, sequence: int) -> bytes:
        """Return the whole message; the kernel repeats ``sequence`` in its answer."""
        size = _HEADER.size + len(self.body)
        return _HEADER.pack(size, self.kind, self.flags, sequence, 0) + self.body


class Message(Value):
    """One message of the kernel, its header taken apart."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def attribute(kind: int, *data: bytes) -> bytes:
    """Return one attribute, padded; several ``data``, attributes themselves, are nested in it."""
    body = b"".join(data)
    return _ATTRIBUTE.pack(4 + len(body), kind) + body + bytes(-len(body) % 4)


def number(kind: int, value: int) -> bytes:
    """Return an attribute that is an unsigned number of 32 bits."""
    return attribute(kind, _NUMBER.pack(value))


def text(kind: int, value: str) -> bytes:
    """Return an attribute that is a text, ended by a zero byte."""
    return attribute(kind, value.encode() + b"\0")


def attributes(data: bytes, start: int = 0) -> dict[int, bytes]:
    """Return the attributes of ``data`` from ``start`` on, by kind; of two of a kind, the last.

    Raises:
        NetlinkError: they do not fit into ``data``.
    """
    found: dict[int, bytes] = {}
    while start + 4 <= len(data):
        size, kind = _ATTRIBUTE.unpack_from(data, start)
        if size < 4 or start + size > len(data):
            raise NetlinkError("an attribute of the kernel's answer is longer than the answer")
        found[kind & _KIND] = data[start + 4 : start + size]
        start += size + -size % 4
    return found


def messages(data: bytes) -> Iterator[Message]:
    """Yield the messages of one datagram.

    Raises:
        NetlinkError: they do not fit into ``data``.
    """
    start = 0
    while start < len(data):
        if start + _HEADER.size > len(data):
            raise NetlinkError("the kernel's answer ends in the middle of a header")
        size, kind, flags, sequence, _port = _HEADER.unpack_from(data, start)
        if size < _HEADER.size or start + size > len(data):
            raise NetlinkError("a message of the kernel's answer is longer than the answer")
        yield Message(kind, flags, sequence, data[start + _HEADER.size : start + size])
        start += size + -size % 4


def whole_number(data: bytes | None) -> int:
    """Return a number of 1, 2, 4 or 8 bytes; 0 where it is missing or of another size."""
    return struct.unpack("=" + _SIZES[len(data)], data)[0] if data and len(data) in _SIZES else 0


_SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def words(data: bytes | None) -> str:
    """Return a text without the zero byte that ends it; empty where it is missing."""
    return (data or b"").split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def verdict(message: Message) -> tuple[int, str]:
    """Return errno, 0 for success, and the kernel's own words of an ``ERROR`` or ``DONE`` message.

    Raises:
        NetlinkError: it is too short to say anything.
    """
    if len(message.body) < 4:
        raise NetlinkError("the kernel's answer has no status")
    status = -struct.unpack_from("=i", message.body)[0]
    start = 4
    if message.kind == ERROR:  # the request follows, whole or its header only
        if len(message.body) < start + _HEADER.size:
            raise NetlinkError("the kernel's answer does not say what it answers")
        size = _NUMBER.unpack_from(message.body, start)[0]
        start += _HEADER.size if message.flags & CAPPED else size + -size % 4
    if not message.flags & WITH_ATTRIBUTES:
        return status, ""
    return status, words(attributes(message.body, start).get(_ERROR_TEXT))
