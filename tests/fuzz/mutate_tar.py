"""Tar streams a little different from others: their members change, their checksums stay right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.mutate import STRETCHED, text

if TYPE_CHECKING:
    from random import Random

BLOCK = 512
# ``/mnt`` is where the room of ``tests.fuzz.room`` is.
_NAMES = (
    b"", b".", b"..", b"/", b"rootfs", b"rootfs/", b"./rootfs/a", b"manifest", b"rootfs/d",
    b"rootfs/d/f",
    b"rootfs/s", b"rootfs/s/x", b"rootfs/s/../../x", b"rootfs/../canary", b"../canary",
    b"../../canary",
    b"/canary", b"/mnt/canary", b"/mnt/in/canary", b"rootfs/d/f/below", b"rootfs//d", b"d", b"d/f",
    b"s",
    b"s/x", b"d/.wh.f", b".wh.d", b"d/.wh..wh..opq", b".wh..wh..opq", b".wh.", b".wh..", b".wh...",
    b"rootfs/x",
    b"out", b"out/x", b"rootfs/" + b"n" * 90, b"rootfs/" + b"a/" * 45, b"caf\xe9", b"a\nb",
    b"\x1b[31m", b"x",
)  # fmt: skip
_TYPES = b"0\x00712345 6LKxgSZ\xff"
_NUMBERS = (
    b"0000000\0", b"7777777\0", b"0004755\0", b"0002777\0", b"       \0", b"\x80\0\0\0\0\0\0\x05",
    b"\xff" * 8, b"\x80" + b"\x7f" * 7, b"-000001\0", b"8888888\0", b"1234567 ",
)  # fmt: skip
_SIZES = (
    b"00000000000\0", b"00000000001\0", b"00000000777\0", b"77777777777\0",
    b"\x80" + b"\0" * 10 + b"\x09",
    b"\x80" + b"\xff" * 11, b"\xff" * 12, b"            ",
)  # fmt: skip
_RECORDS = (
    b"path=rootfs/p", b"path=../canary", b"path=", b"linkpath=/mnt/canary", b"size=0", b"size=7",
    b"size=999999999999999999", b"size=-1", b"uid=4294967294", b"uid=4294967295", b"gid=0",
    b"mtime=1.5",
    b"mtime=-99999999999.9", b"mtime=x", b"SCHILY.xattr.user.a=b",
    b"SCHILY.xattr.trusted.overlay.opaque=y",
    b"SCHILY.xattr.security.capability=" + b"\1" * 20, b"SCHILY.xattr.user.overlay.a=b",
    b"SCHILY.xattr.=x",
    b"SCHILY.xattr.user.a\0b=c", b"SCHILY.xattr.user." + b"n" * 300 + b"=x", b"GNU.sparse.major=1",
    b"comment=x", b"a=" + b"v" * 600, b"SCHILY.xattr.user.v=" + b"v" * 5000,
)  # fmt: skip
_plain = text(b"ustar\0", b"0000644\0", b"rootfs/")

_Member = tuple[bytearray, bytes]


def change(data: bytes, random: Random) -> bytes:
    """Return another stream: members changed, moved, doubled, added; cut off now and then."""
    members, rest = split(data)
    if random.randrange(12) == 0:
        return _plain(data, random)
    for _ in range(random.choice((1, 1, 2, 4))):
        _step(members, random)
    for header, _body in members:
        if random.randrange(40):
            fix(header)
    if random.randrange(10) == 0:
        rest = random.choice((b"", bytes(BLOCK), bytes(2 * BLOCK), b"\xff" * BLOCK))
    whole = b"".join(bytes(header) + body for header, body in members) + rest
    return whole[: random.randint(0, len(whole))] if random.randrange(20) == 0 else whole


def stretch(data: bytes, random: Random) -> bytes:
    """Return a stream of a mebibyte: one run of members again and again, under other names."""
    members, rest = split(data)
    if not members:
        return data
    start = random.randrange(len(members))
    run = members[start : start + random.choice((1, 1, 2, 3))]
    deep = random.random() < 0.3
    size = max(sum(BLOCK + len(body) for _header, body in run), BLOCK)
    added: list[_Member] = []
    for number in range((STRETCHED - len(data)) // size):
        for header, body in run:
            copy = bytearray(header)
            first = bytes(copy[:100]).split(b"\0")[0][:40]
            mark = b"/%d" % number + (b"/d" * 20 if deep else b"")
            copy[:100] = (first + mark)[:100].ljust(100, b"\0")
            fix(copy)
            added.append((copy, body))
    members[start:start] = added if random.random() < 0.7 else [*run, *added]
    return b"".join(bytes(header) + body for header, body in members) + rest


def split(data: bytes) -> tuple[list[_Member], bytes]:
    """Return what could be members of ``data``, and what comes behind them."""
    members: list[_Member] = []
    position = 0
    while position + BLOCK <= len(data):
        header = bytearray(data[position : position + BLOCK])
        if not any(header):
            break
        field = bytes(header[124:135]).strip(b" \0")
        size = int(field, 8) if field.isdigit() and not field.strip(b"01234567") else 0
        padded = (size + BLOCK - 1) // BLOCK * BLOCK if header[156] not in b"123456" else 0
        position += BLOCK
        members.append((header, data[position : position + padded]))
        position += padded
    return members, data[position:]


def fix(header: bytearray) -> None:
    """Put the right checksum into ``header``."""
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)


def _step(members: list[_Member], random: Random) -> None:
    kind = random.randrange(8)
    at = random.randint(0, len(members))
    if kind == 0 or at == len(members):
        members[at:at] = _new(random)
    elif kind == 1:
        del members[at]
    elif kind == 2:
        header, body = members[at]
        members.insert(random.randint(0, len(members)), (bytearray(header), body))
    elif kind == 3:
        members.insert(random.randint(0, len(members) - 1), members.pop(at))
    else:
        _alter(members[at][0], random)


def _new(random: Random) -> list[_Member]:
    """Return a fresh member, perhaps with a header before it that says more of it."""
    header = bytearray(BLOCK)
    header[100:108] = b"0000644\0"
    header[124:136] = b"00000000000\0"
    header[257:265] = b"ustar\x0000"
    header[156] = random.choice(_TYPES)
    _put(header, 0, 100, random.choice(_NAMES))
    _put(header, 157, 257, random.choice(_NAMES))
    if random.randrange(3):
        return [(header, b"")]
    flag = random.choice(b"xxxxgLK")
    if flag in b"LK":
        text = random.choice((*_NAMES, b"rootfs/" + b"l" * 250, b"rootfs" + b"/d" * 200)) + b"\0"
    else:
        chosen = random.sample(_RECORDS, random.randint(1, 4))
        text = b"".join(_record(record, random) for record in chosen)
    before = bytearray(header)
    before[156] = flag
    before[124:136] = b"%011o\0" % len(text)
    return [(before, text + bytes(-len(text) % BLOCK)), (header, b"")]


def _record(record: bytes, random: Random) -> bytes:
    length = len(record) + 3
    while len(b"%d %b\n" % (length, record)) != length:
        length = len(b"%d %b\n" % (length, record))
    return b"%d %b\n" % (length + (random.randrange(30) == 0), record)


def _alter(header: bytearray, random: Random) -> None:
    field = random.randrange(9)
    if field == 0:
        _put(header, 0, 100, random.choice(_NAMES))
    elif field == 1:
        _put(header, 157, 257, random.choice(_NAMES))
    elif field == 2:
        header[156] = random.choice(_TYPES)
    elif field == 3:
        header[124:136] = random.choice(_SIZES)
    elif field == 4:
        start = random.choice((100, 108, 116, 329, 337))
        header[start : start + 8] = random.choice(_NUMBERS)
    elif field == 5:
        header[136:148] = random.choice(_SIZES)
    elif field == 6:
        _put(header, 345, 500, random.choice(_NAMES))
    elif field == 7:
        header[257:265] = random.choice((b"ustar\x0000", b"ustar  \0", bytes(8)))
    else:
        header[random.randrange(BLOCK)] = random.randrange(256)


def _put(header: bytearray, start: int, end: int, text: bytes) -> None:
    header[start:end] = text[: end - start].ljust(end - start, b"\0")
