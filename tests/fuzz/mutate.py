"""Inputs a little different from others: of bytes and text, and of JSON with its structure kept."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    Change = Callable[[bytes, Random], bytes]

STRETCHED = 1 << 20
# What parsers stumble over: ends of strings, encodings, numbers without end, ways out.
NASTY = (
    b"\0", b"\n", b"\r\n", b"\xff\xfe", b"\xed\xa0\x80", b"\x1b[31m", b"\xc2\x9b", b"..", b"../",
    b"/",
    b"%00", b"%", b"-1", b"0", b"9" * 5000, b"1e400", b"\xc2\xb2", b"\xd9\xa3", b"\xc4\xb0",
    b"\xe2\x82\xac",
    b"[", b"]", b"{", b"}", b'"', b"'", b"\\", b",", b":", b"=", b"@", b"-", b"+", b".", b" ",
    b"\t",
    b"\\ud800", b"a" * 300, b"b" * 5000,
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 65536, 1 << 31, 1 << 62, 1 << 63, 10**400, 1.5, -0.0, "", "a",
    "\0",
    "\x1b[31m", "../../etc", "/", "x" * 300, "9" * 5000, "İ", "\ud800", [], {}, [None], [[]],
    {"": None},
    {"a": 1}, ["a"], [{}],
)  # fmt: skip


def text(*words: bytes) -> Change:
    """Return what changes text: puts in ``words`` or something nasty, takes out, repeats."""

    def change(data: bytes, random: Random) -> bytes:
        for _ in range(random.choice((1, 1, 2, 4))):
            start = random.randint(0, len(data))
            end = min(len(data), start + random.choice((0, 1, 4, 16, 200)))
            kind = random.randrange(4)
            if kind == 0 and words:
                piece = random.choice(words)
            elif kind == 1:
                piece = random.choice(NASTY)
            elif kind == 2:
                piece, start = data[start:end] * random.choice((0, 2, 20)), start
            else:
                piece = bytes(random.randrange(256) for _ in range(random.randint(1, 4)))
            data = data[:start] + piece + data[end:]
        return data

    return change


def stretch_text(data: bytes, random: Random) -> bytes:
    """Return ``data`` with one part of it repeated up to a mebibyte."""
    start = random.randint(0, max(0, len(data) - 1))
    part = data[start : start + random.choice((1, 2, 7, 40, 500))] or b"a"
    return data[:start] + part * (STRETCHED // len(part)) + data[start + len(part) :]


def structured(keys: Sequence[str] = ()) -> Change:
    """Return what changes JSON at one place; ``keys`` are put in. Other text as ``text``."""
    plain = text(*(f'"{key}":'.encode() for key in keys))

    def change(data: bytes, random: Random) -> bytes:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return plain(data, random)
        if random.randrange(6) == 0:
            return plain(data, random)
        try:
            for _ in range(random.choice((1, 1, 2, 3))):
                value = _changed(value, random, keys)
            return json.dumps(value, ensure_ascii=random.random() < 0.5).encode(
                "utf-8", "surrogatepass"
            )
        except (ValueError, RecursionError):  # nested too deep, or a number too long to write
            return plain(data, random)

    return change


def stretch_json(data: bytes, random: Random) -> bytes:
    """Return ``data`` with one of its lists or objects grown to a mebibyte of different parts."""
    try:
        value = json.loads(data)
        places = [node for node in _nodes(value) if isinstance(node, (list, dict)) and node]
        if not places:
            return stretch_text(data, random)
        _grow(random.choice(places), random)
        return json.dumps(value).encode()
    except (ValueError, RecursionError, MemoryError):
        return stretch_text(data, random)


def _changed(value: Any, random: Random, keys: Sequence[str]) -> Any:
    places = [node for node in _nodes(value) if isinstance(node, (list, dict))]
    if not places:
        return deepcopy(random.choice(_VALUES))
    place = random.choice(places)
    if isinstance(place, list):
        _change_list(place, random)
    else:
        _change_object(place, random, keys)
    return value


def _change_list(place: list[Any], random: Random) -> None:
    at = random.randint(0, len(place))
    if at == len(place) or random.random() < 0.3:
        place.insert(at, deepcopy(random.choice([*_VALUES, *place])))
    elif random.random() < 0.3:
        del place[at]
    else:
        place[at] = _other(place[at], random)


def _change_object(place: dict[str, Any], random: Random, keys: Sequence[str]) -> None:
    key = random.choice([*place, *keys, "", "\0", "x" * 300, "A"])
    kind = random.randrange(4)
    if kind == 0:
        place.pop(key, None)
    elif kind == 1 and place:
        # A copy, as ever here: one node in two places, or in itself, is a trap.
        place[key] = deepcopy(place[random.choice(list(place))])
    else:
        place[key] = _other(place.get(key), random)


def _other(value: Any, random: Random) -> Any:
    if isinstance(value, str) and random.random() < 0.5:
        changed = text()(value.encode("utf-8", "surrogatepass"), random)
        return changed.decode("utf-8", "replace")
    return deepcopy(random.choice(_VALUES))


def _nodes(value: Any) -> list[Any]:
    found = [value]
    for node in found:
        if isinstance(node, dict):
            found += node.values()
        elif isinstance(node, list):
            found += node
    return found


def _grow(place: list[Any] | dict[str, Any], random: Random) -> None:
    sample = random.choice(list(place.values()) if isinstance(place, dict) else place)
    size = len(json.dumps(sample)) + 12
    count = max(2, STRETCHED // size)
    numbered = random.random() < 0.7
    # Names of one kind of foreign characters, which all become the same when they are tidied up.
    foreign = random.random() < 0.3
    for number in range(count):
        word = chr(0x4E00 + number % 20000) * (1 + number // 20000) if foreign else str(number)
        if isinstance(place, dict):
            place[f"{random.choice(list(place)[:3])}{word}" if number < 3 else f"/{word}"] = sample
        else:
            place.append(_numbered(sample, word) if numbered else sample)


def _numbered(value: Any, word: str) -> Any:
    if isinstance(value, str):
        return value + word
    if isinstance(value, dict):
        return {key: _numbered(item, word) for key, item in value.items()}
    return value
