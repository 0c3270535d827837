"""flannel: what it reads of its daemon, and what it tells the plugin that does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rktpy.net.plugins.flannel import FlannelError, Lease, derive, read_lease

if TYPE_CHECKING:
    from pathlib import Path

# As flanneld writes it; the subnet is written with its gateway.
ENV = """FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.17.1/24
FLANNEL_MTU=1472
FLANNEL_IPMASQ=true
"""
V6 = "FLANNEL_IPV6_NETWORK=fd00:10::/48\nFLANNEL_IPV6_SUBNET=fd00:10:0:11::1/64\n"
LEASE = Lease(("10.1.0.0/16",), ("10.1.17.0/24",), 1472, masquerades=True)
DUAL = Lease(("10.1.0.0/16", "fd00::/48"), ("10.1.17.0/24", "fd00:1::/64"), 1450, masquerades=False)
IPAM = {"type": "host-local", "subnet": "10.1.17.0/24", "routes": [{"dst": "10.1.0.0/16"}]}


def written(directory: Path, text: str = ENV) -> str:
    path = directory / "subnet.env"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "lease"),
    [
        (ENV, LEASE),
        (ENV.replace("=true", "=false") + "\nNOISE\n# x\n", LEASE.replace(masquerades=False)),
        (
            ENV.replace("10.1.0.0/16", "10.1.0.0/16,10.2.0.0/16"),
            LEASE.replace(networks=("10.1.0.0/16", "10.2.0.0/16")),
        ),
        (
            ENV + V6,
            LEASE.replace(
                networks=("10.1.0.0/16", "fd00:10::/48"),
                subnets=("10.1.17.0/24", "fd00:10:0:11::/64"),
            ),
        ),
        (
            V6 + "FLANNEL_MTU=1280\nFLANNEL_IPMASQ=no",
            Lease(("fd00:10::/48",), ("fd00:10:0:11::/64",), 1280, masquerades=False),
        ),
    ],
)
def test_what_the_daemon_writes(tmp_path: Path, text: str, lease: Lease) -> None:
    assert read_lease(written(tmp_path, text)) == lease


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is missing FLANNEL_NETWORK, FLANNEL_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ"),
        (ENV.replace("FLANNEL_MTU", "X"), "is missing FLANNEL_MTU"),
        (ENV.replace("1472", ""), "is missing FLANNEL_MTU"),
        (ENV.replace("1472", "-1"), 'FLANNEL_MTU is not a number: "-1"'),
        (ENV.replace("/24", "/33"), "invalid CIDR address in FLANNEL_SUBNET"),
        (ENV.replace("10.1.0.0/16", "lots"), 'invalid CIDR address in FLANNEL_NETWORK: "lots"'),
        ("x" * 100_000, "is larger than 65536 bytes"),
        (None, "cannot read .*: No such file or directory"),
    ],
)
def test_what_the_daemon_should_have_written(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = str(tmp_path / "subnet.env") if text is None else written(tmp_path, text)

    with pytest.raises(FlannelError, match=message) as caught:
        read_lease(path)

    assert "flanneld" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("fields", "lease", "delegate"),
    [
        (
            {"type": "flannel"},
            LEASE,
            {"type": "bridge", "ipMasq": False, "mtu": 1472, "isGateway": True, "ipam": IPAM},
        ),
        (
            {"delegate": {"bridge": "b0", "mtu": 1400, "isDefaultGateway": True, "ipMasq": True}},
            LEASE,
            {
                "type": "bridge", "bridge": "b0", "ipMasq": True, "mtu": 1400, "isGateway": True,
                "isDefaultGateway": True, "ipam": IPAM,
            },
        ),
        (
            {"delegate": {"type": "ipvlan", "master": "eth1"}, "capabilities": {"mac": True}},
            LEASE.replace(masquerades=False),
            {
                "type": "ipvlan", "master": "eth1", "ipMasq": True, "mtu": 1472, "ipam": IPAM,
                "capabilities": {"mac": True},
            },
        ),
        (
            {"ipam": {"type": "other", "dataDir": "/x", "routes": [{"dst": "1.2.3.0/24"}]}},
            DUAL,
            {
                "type": "bridge", "ipMasq": True, "mtu": 1450, "isGateway": True,
                "ipam": {
                    "type": "other", "dataDir": "/x",
                    "ranges": [[{"subnet": "10.1.17.0/24"}], [{"subnet": "fd00:1::/64"}]],
                    "routes": [{"dst": "1.2.3.0/24"}, {"dst": "10.1.0.0/16"}, {"dst": "fd00::/48"}],
                },
            },
        ),
    ],
)  # fmt: skip
def test_what_the_delegate_is_told(
    fields: dict[str, Any], lease: Lease, delegate: dict[str, Any]
) -> None:
    assert derive(fields, lease) == delegate


@pytest.mark.parametrize(
    ("delegate", "message"),
    [
        ({"name": "x"}, "'delegate' dictionary must not have 'name' field"),
        ({"ipam": {}}, "'delegate' dictionary must not have 'ipam' field"),
        ({"type": 3}, r"must have \(string\) 'type' field"),
        ({"type": "flannel"}, "flannel cannot be the 'type'"),
    ],
)
def test_what_a_delegate_must_not_say(delegate: dict[str, Any], message: str) -> None:
    with pytest.raises(FlannelError, match=message):
        derive({"delegate": delegate}, LEASE)
