"""Results of all versions of CNI, read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.errors import RktError
from rktpy.net.call import Call
from rktpy.net.outcome import DNS
from rktpy.net.result import (
    VERSIONS,
    Address,
    Interface,
    Result,
    ResultError,
    Route,
    parse_result,
    read_result,
    render,
)

BOTH = Result(
    interfaces=(Interface("cni0", "02:00:00:00:00:01"), Interface("eth0", sandbox="/run/netns/x")),
    addresses=(Address("10.1.0.5/16", "10.1.0.1", 1), Address("fd00::5/64", "fd00::1", 1)),
    routes=(Route("0.0.0.0/0"), Route("::/0", "fd00::1")),
    dns=DNS(("10.1.0.1",), "a.example", ("b.example",), ("ndots:2",)),
)


@pytest.mark.parametrize("version", VERSIONS[2:])
def test_newer_versions_say_everything(version: str) -> None:
    assert read_result(render(BOTH, version)) == BOTH


@pytest.mark.parametrize("version", VERSIONS[:2])
def test_old_versions_say_all_but_interfaces(version: str) -> None:
    flat = tuple(address.replace(interface=None) for address in BOTH.addresses)

    assert read_result(render(BOTH, version)) == BOTH.replace(interfaces=(), addresses=flat)


def test_an_answer_as_rkt_knew_it() -> None:
    text = b'{"ip4": {"ip": "172.16.28.2/24", "gateway": "172.16.28.1",'
    text += b' "routes": [{"dst": "0.0.0.0/0"}]}, "dns": {}}'

    assert parse_result(text) == Result(
        addresses=(Address("172.16.28.2/24", "172.16.28.1"),), routes=(Route("0.0.0.0/0"),)
    )


def test_the_family_is_spelled_out_before_1_0() -> None:
    old, new = render(BOTH, "0.4.0"), render(BOTH, "1.0.0")

    assert [one["version"] for one in old["ips"]] == ["4", "6"]  # type: ignore[attr-defined]
    assert all("version" not in one for one in new["ips"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"ip4": []},
        {"ip4": {"ip": "fd00::1/64"}},
        {"ip4": {"ip": "10.0.0.1"}},
        {"ip4": {"ip": "10.0.0.1/33"}},
        {"ip4": {"ip": "10.0.0.1/8", "gateway": "x"}},
        {"ips": [{"address": "10.0.0.1/8", "interface": 7}], "interfaces": []},
        {"ips": [{"address": "10.0.0.1/8", "interface": True}], "interfaces": [{}, {}]},
        {"ips": ["10.0.0.1/8"]},
        {"ips": [{"address": "10.0.0.1/8"}] * 1025},
        {"interfaces": [{"name": "x" * 4097}]},
        {"dns": {"nameservers": ["10.0.0.1\nsearch evil"]}},
        {"dns": {"search": "a.example"}},
    ],
)
def test_what_is_no_result_is_refused(document: Any) -> None:
    with pytest.raises(ResultError):
        read_result(document)


def test_a_version_that_does_not_exist_cannot_be_written() -> None:
    with pytest.raises(ResultError, match=r'unknown CNI version "9\.0\.0"'):
        render(BOTH, "9.0.0")


_KEYS = ["cniVersion", "ips", "ip4", "ip6", "ip", "interfaces", "routes", "dst", "gw", "dns"]
_TEXTS = ["address", "gateway", "interface", "10.0.0.1/8", "::1/128", "10.0.0.1", "1.0.0"]
_WORDS = st.sampled_from([*_KEYS, *_TEXTS, "nameservers"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | _WORDS | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(_WORDS, _JSON, max_size=6))
def test_anything_is_a_result_or_an_error(document: Any) -> None:
    try:
        result = parse_result(json.dumps(document).encode())
    except RktError:
        return
    assert read_result(render(result, "1.0.0")) == result


def test_a_plugin_of_a_chain_is_told_what_it_declared() -> None:
    call = Call(
        container="u", netns="/n", interface="eth0", arguments="", network="net", version="0.4.0",
        fields={"type": "portmap", "capabilities": {"portMappings": True, "mac": False}},
        previous=Result(addresses=(Address("10.0.0.2/8"),)),
        capabilities={"portMappings": [1], "mac": "x", "bandwidth": {}},
    )  # fmt: skip

    assert call.config() == {
        "cniVersion": "0.4.0",
        "name": "net",
        "type": "portmap",
        "runtimeConfig": {"portMappings": [1]},
        "prevResult": {
            "cniVersion": "0.4.0",
            "ips": [{"version": "4", "address": "10.0.0.2/8"}],
            "dns": {},
        },
    }
