"""The program that decides about devices, carried out by a small machine of our own."""

from __future__ import annotations

import struct
import sys

import pytest

from rktpy.host.device_fence import Device, program

MKNOD, READ, WRITE = 1, 2, 4
BLOCK, CHAR = 1, 2
DEVICES = (
    Device("c", 1, 3, "rwm"),
    Device("c", 136, None, "rw"),
    Device("c", None, 7, "r"),
    Device("b", 8, 0, "r"),
)


def run(code: bytes, *, kind: int, asked: int, major: int, minor: int) -> bool:
    """Return what the kernel would: the program's r0, with the context it gives."""
    context = (asked << 16 | kind, major, minor)
    registers = [0, 0, 0, 0, 0, 0]
    assert sys.byteorder == "little"  # registers lie the other way round elsewhere
    at = 0
    while True:
        op, pair, jump, value = struct.unpack_from("=BBhi", code, at * 8)
        at += 1
        one, other = pair & 15, pair >> 4
        match op:
            case 0x61:
                assert (other, registers[1]) == (1, 0)  # the context has not been overwritten
                registers[one] = context[jump // 4]
            case 0xBF:
                registers[one] = registers[other]
            case 0xB7:
                registers[one] = value
            case 0x57:
                registers[one] &= value
            case 0x77:
                registers[one] >>= value
            case 0x55:
                at += jump if registers[one] != value else 0
            case 0x5D:
                at += jump if registers[one] != registers[other] else 0
            case 0x95:
                return bool(registers[0])
            case _:
                raise AssertionError(hex(op))


@pytest.mark.parametrize(
    ("kind", "asked", "major", "minor", "allowed"),
    [
        (CHAR, MKNOD, 1, 3, True),
        (CHAR, READ | WRITE, 1, 3, True),
        (BLOCK, READ, 1, 3, False),
        (CHAR, READ, 1, 4, False),
        (CHAR, READ, 2, 3, False),
        (CHAR, READ | WRITE, 136, 99, True),
        (CHAR, MKNOD, 136, 99, False),
        (CHAR, READ, 200, 7, True),
        (CHAR, READ | WRITE, 200, 7, False),
        (BLOCK, READ, 8, 0, True),
        (BLOCK, READ | WRITE, 8, 0, False),
        (CHAR, READ, 8, 0, False),
        (CHAR, MKNOD, 10, 237, False),
    ],
)
def test_a_device_may_be_used_as_the_list_says(
    kind: int,
    asked: int,
    major: int,
    minor: int,
    allowed: bool,  # noqa: FBT001
) -> None:
    found = run(program(DEVICES), kind=kind, asked=asked, major=major, minor=minor)

    assert found is allowed


def test_an_empty_list_allows_nothing() -> None:
    assert not run(program(()), kind=CHAR, asked=READ, major=1, minor=3)


def test_v1_is_told_the_same_in_words() -> None:
    assert [device.line for device in DEVICES] == ["c 1:3 rwm", "c 136:* rw", "c *:7 r", "b 8:0 r"]
