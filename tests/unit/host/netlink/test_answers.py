"""What the kernel tells is read; what is damaged ends in NetlinkError and nothing else."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest

from rktpy.host.netlink import addresses, links, routes, wire
from rktpy.host.netlink.routes import Route
from rktpy.host.netlink.wire import NetlinkError

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDED = {
    "bridge": bytes.fromhex(
        "00000100020000000310000000000000080003006272300008000d00e80300000500100002000000"
        "08000400780500000a0001000a580a01000100000a000200ffffffffffff00000c0006006e6f7175"
        "65756500100012000b0001006272696467650000"
    ),
    "macvlan": bytes.fromhex(
        "00000100030000000210000000000000080003006d76300008000d00e80300000500100002000000"
        "08000400780500000a0001000a580a01000200000a000200ffffffffffff00003c0012000c000100"
        "6d6163766c616e002c00020008000100020000000600020000000000080006000000000008000700"
        "e803000008000800e80300000800050002000000090006006e6f6f7000000000"
    ),
    "address": bytes.fromhex(
        "0218800002000000080001000a010201080002000a010201080004000a0102ff0800030062723000"
        "080008008000000014000600ffffffffffffffffb3f31a00b3f31a00"
    ),
    "route": bytes.fromhex(
        "02100000fe0300011400000008000f00fe000000080001000a090000080006000700000008000700"
        "0a01020108000500c0a809090800040002000000"
    ),
}


def test_recorded_answers_are_read() -> None:
    assert [links.decode(RECORDED[name]) for name in ("bridge", "macvlan")] == [
        links.Link(
            index=2,
            name="br0",
            kind="bridge",
            mtu=1400,
            up=True,
            address=b"\nX\n\x01\x00\x01",
            master=0,
            parent=0,
            mode="",
        ),
        links.Link(
            index=3,
            name="mv0",
            kind="macvlan",
            mtu=1400,
            up=False,
            address=b"\nX\n\x01\x00\x02",
            master=0,
            parent=2,
            mode="vepa",
        ),
    ]
    assert addresses.decode(RECORDED["address"]) == addresses.Address(
        index=2, address="10.1.2.1", prefix=24, scope=0, tentative=False
    )
    assert routes.decode(RECORDED["route"]) == Route(
        destination="10.9.0.0",
        prefix=16,
        link=2,
        gateway="192.168.9.9",
        source="10.1.2.1",
        priority=7,
        scope=routes.EVERYWHERE,
        on_link=True,
        ipv6=False,
        table=254,
        kind=1,
    )


def refusal(status: int, *, capped: bool, words: str = "") -> bytes:
    request = links.delete(5).encode(3)
    told = struct.pack("=i", -status) + (request[:16] if capped else request)
    flags = wire.CAPPED if capped else 0
    if words:
        flags |= wire.WITH_ATTRIBUTES
        told += wire.text(1, words)
    return struct.pack("=IHHII", 16 + len(told), wire.ERROR, flags, 3, 0) + told


@pytest.mark.parametrize("capped", [False, True])
def test_the_kernels_words_are_found_behind_the_request(*, capped: bool) -> None:
    [message] = wire.messages(refusal(95, capped=capped, words="Unknown device type"))

    assert wire.verdict(message) == (95, "Unknown device type")
    [message] = wire.messages(refusal(0, capped=capped))
    assert wire.verdict(message) == (0, "")


def test_several_messages_of_one_datagram_are_told_apart() -> None:
    both = links.delete(5).encode(1) + links.named("eth0").encode(2)

    assert [(m.kind, m.sequence) for m in wire.messages(both)] == [(17, 1), (18, 2)]


@pytest.mark.parametrize(
    ("name", "decode"),
    [
        ("bridge", links.decode),
        ("macvlan", links.decode),
        ("address", addresses.decode),
        ("route", routes.decode),
    ],
)
def test_damage_ends_in_an_error_or_a_value(name: str, decode: Callable[[bytes], object]) -> None:
    whole = RECORDED[name]
    dice = random.Random(name)
    damaged = [whole[:size] for size in range(len(whole))]
    for _ in range(200):
        copy = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            copy[dice.randrange(len(copy))] = dice.choice((0, 1, 3, 4, 255, dice.randrange(256)))
        damaged.append(bytes(copy))

    refused = 0
    for data in damaged:
        try:
            decode(data)
        except NetlinkError:
            refused += 1

    assert 0 < refused < len(damaged)


def test_a_damaged_datagram_ends_in_an_error_or_in_messages() -> None:
    whole = refusal(95, capped=True, words="why") + refusal(1, capped=False, words="not")
    refused = 0
    for size in range(1, len(whole)):
        try:
            for message in wire.messages(whole[:size]):
                wire.verdict(message)
        except NetlinkError:
            refused += 1
    assert refused == len(whole) - 2  # but where the first ends


@pytest.mark.parametrize("size", [0, 3])
def test_an_attribute_shorter_than_its_header_is_no_endless_loop(size: int) -> None:
    with pytest.raises(NetlinkError):
        wire.attributes(struct.pack("=HH", size, 1) * 2)
