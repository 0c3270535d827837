"""Addresses that are written down."""

from __future__ import annotations

from typing import Any

import pytest

from rktpy.errors import RktError
from rktpy.net.call import Call
from rktpy.net.ipam.static import Static
from rktpy.net.outcome import DNS
from rktpy.net.result import Address, Result, Route

FOUR = {"address": "10.1.0.5/24", "gateway": "10.1.0.1"}
SIX = {"address": "FD00:0::5/64"}


def the_call(
    arguments: str = "", version: str = "1.0.0", outer: dict[str, Any] | None = None, **ipam: Any
) -> Call:
    fields = {"ipam": ipam, **(outer or {})}
    return Call("one", "", "eth0", arguments, "blue", version, fields)


def addresses(arguments: str = "", **ipam: Any) -> list[tuple[str, str]]:
    found = Static().add(the_call(arguments, **ipam)).addresses
    return [(one.address, one.gateway) for one in found]


def test_everything_stands_in_the_configuration() -> None:
    call = the_call(
        addresses=[FOUR, SIX],
        routes=[{"dst": "0.0.0.0/0"}, {"dst": "FD00::/8", "gw": "FD00::1"}],
        dns={"nameservers": ["10.1.0.1"], "domain": "a", "search": ["b"], "options": ["c"]},
    )

    assert Static().add(call) == Result(
        addresses=(Address("10.1.0.5/24", "10.1.0.1"), Address("fd00::5/64")),
        routes=(Route("0.0.0.0/0"), Route("fd00::/8", "fd00::1")),
        dns=DNS(("10.1.0.1",), "a", ("b",), ("c",)),
    )


def test_nothing_at_all_is_fine() -> None:
    assert Static().add(the_call()) == Result()


def test_arguments_add_addresses_with_their_gateways() -> None:
    arguments = "IP=10.1.0.9/24, fd00::9/64;GATEWAY=10.1.0.250,10.1.0.254,fd00::1"

    assert addresses(arguments, addresses=[FOUR]) == [
        ("10.1.0.5/24", "10.1.0.1"), ("10.1.0.9/24", "10.1.0.254"), ("fd00::9/64", "fd00::1"),
    ]  # fmt: skip


def test_a_gateway_of_another_network_is_left_out() -> None:
    assert addresses("IP=10.1.0.9/24;GATEWAY=10.2.0.1") == [("10.1.0.9/24", "")]


@pytest.mark.parametrize(
    ("outer", "address"),
    [
        ({"args": {"cni": {"ips": ["10.1.0.11/24"]}}}, "10.1.0.11/24"),
        (
            {
                "args": {"cni": {"ips": ["10.1.0.11/24"]}},
                "runtimeConfig": {"ips": ["10.1.0.12/24"]},
            },
            "10.1.0.12/24",
        ),
    ],
)
def test_addresses_of_the_run_replace_the_others(outer: dict[str, Any], address: str) -> None:
    assert addresses("IP=10.1.0.9/24", addresses=[FOUR], outer=outer) == [(address, "")]


@pytest.mark.parametrize(
    ("arguments", "ipam", "message"),
    [
        ("IP=10.1.0.9", {}, "the 'ip' field is expected to be in CIDR notation, got: \"10.1.0.9\""),
        ("GATEWAY=x", {}, "invalid gateway address: x"),
        ("FOO=1", {}, 'ARGS: unknown args ["FOO=1"]'),
        (
            "",
            {"addresses": [{"address": "10.1.0.5"}]},
            "the 'address' field is expected to be in CIDR notation, got: \"10.1.0.5\"",
        ),
        ("", {"addresses": ["10.1.0.5/24"]}, '"addresses" must be an object'),
        (
            "",
            {"addresses": [FOUR | {"gateway": "fd00::1"}]},
            "invalid gateway address: fd00::1 (of 10.1.0.5/24)",
        ),
        (
            "",
            {"outer": {"args": {"cni": {"ips": ["10.1.0.5"]}}}},
            "an entry in the 'ips' field is NOT in CIDR notation, got: \"10.1.0.5\"",
        ),
        (
            "",
            {"addresses": [FOUR, FOUR], "version": "0.2.0"},
            "CNI version 0.2.0 does not support more than 1 address per family",
        ),
    ],
)
def test_what_cannot_be(arguments: str, ipam: dict[str, Any], message: str) -> None:
    with pytest.raises(RktError) as caught:
        Static().add(the_call(arguments, **ipam))

    assert caught.value.message == message


def test_a_check_compares_with_what_the_pod_got() -> None:
    call = the_call(addresses=[FOUR, SIX])
    result = Static().add(call)
    Static().check(call.replace(previous=result))

    lost = result.replace(addresses=result.addresses[:1])
    with pytest.raises(RktError, match="Failed to match addr fd00::5/64 on interface eth0"):
        Static().check(call.replace(previous=lost))
