"""Which connections of UDP lead another way than the rules say."""

from __future__ import annotations

import pytest

from rktpy.host.netlink.conntrack import UDP, End, Flow, decode
from rktpy.net.firewall.flows import is_of, is_stale
from rktpy.net.rules import Forward, Published

OWN = {"192.0.2.1", "198.51.100.1", "fd01::1"}
POD = "172.16.28.2"


def flow(asked: str, port: int, answered: str, client: str = "192.0.2.9") -> Flow:
    return Flow(UDP, End(client, 40000, asked, port), End(answered, 53, client, 40000), 2, b"")


@pytest.mark.parametrize(
    ("one", "host_ip", "stale"),
    [
        (flow("192.0.2.1", 8053, "192.0.2.1"), "", True),
        (flow("192.0.2.1", 8053, "172.16.28.9"), "", True),
        (flow("127.0.0.1", 8053, "172.16.28.9"), "", True),
        (flow("192.0.2.1", 8059, "172.16.28.9"), "", True),
        (flow("192.0.2.1", 8053, "172.16.28.9"), "192.0.2.1", True),
        (flow("192.0.2.1", 8053, "172.16.28.9"), "0.0.0.0", True),  # noqa: S104 - text
        (flow("192.0.2.1", 8053, POD), "", False),  # as it should be
        (flow("198.51.100.1", 8053, "172.16.28.9"), "192.0.2.1", False),
        (flow("192.0.2.1", 8060, "172.16.28.9"), "", False),
        (flow("192.0.2.1", 8049, "172.16.28.9"), "", False),
        (flow("203.0.113.7", 8053, "203.0.113.7"), "", False),  # of somebody behind the host
        (flow("fd01::1", 8053, "fd02::9"), "", False),  # the port is IPv4 only
    ],
)
def test_what_does_not_lead_to_the_pod_is_stale(one: Flow, host_ip: str, *, stale: bool) -> None:
    forward = Forward(Published("udp", 8050, 50, host_ip, count=10), f"{POD}/24")

    assert is_stale(one, [forward], OWN) is stale


def test_a_pod_has_asked_or_was_asked() -> None:
    assert is_of(flow("192.0.2.1", 8053, POD), {POD})
    assert is_of(flow("203.0.113.7", 53, "203.0.113.7", POD), {POD})
    assert not is_of(flow("192.0.2.1", 8053, "172.16.28.9"), {POD})


@pytest.mark.parametrize("body", [b"\2\0\0\0", b"\7\0\0\0", b"\2\0\0\0\x08\0\1\x80\4\0\1\x80"])
def test_what_the_kernel_says_without_ports_is_no_flow(body: bytes) -> None:
    assert decode(body) is None
