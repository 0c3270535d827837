"""flannel: what it tells the plugin that does the work, and what it keeps of that."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.codec import compact, parse
from rktpy.net import chain
from rktpy.net.plugins.flannel import Flannel, FlannelError, Lease, derive, read_lease
from rktpy.net.result import Address, Result
from tests.support.netplugins import UUID, attachment, programs, script

if TYPE_CHECKING:
    from pathlib import Path

    from rktpy.net.chain import Find

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
RESULT = Result(addresses=(Address("10.1.17.2/24"),))


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


def network(directory: Path, name: str = "n", **more: object) -> str:
    fields = {"subnetFile": f"{directory}/subnet.env", "dataDir": f"{directory}/data", **more}
    return compact({"cniVersion": "0.4.0", "name": name, "type": "flannel", **fields})


def finder(directory: Path) -> Find:
    """Find flannel here, and others as scripts; the bridge notes what it is told."""
    find = programs(directory)
    answer = '{"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.1.17.2/24"}]}'
    note = f"cat > {directory}/$CNI_COMMAND.$CNI_IFNAME; ls {directory}/data > {directory}/kept"
    script(directory, "bridge", f"{note}; [ ! -e {directory}/fail ] || exit 1; echo '{answer}'")
    return lambda kind: Flannel(find, find) if kind == "flannel" else find(kind)


def test_the_delegate_leaves_with_what_it_came_with(tmp_path: Path) -> None:
    find = finder(tmp_path)
    one = attachment(network(tmp_path))
    written(tmp_path)

    result = chain.add(one, find)

    assert result == RESULT
    assert (tmp_path / "kept").read_text() == f"{UUID}\n"  # before it was called
    told = parse((tmp_path / "ADD.eth0").read_bytes())
    assert told == {
        "cniVersion": "0.4.0", "name": "n", "type": "bridge", "ipMasq": False, "mtu": 1472,
        "isGateway": True, "ipam": IPAM,
    }  # fmt: skip
    assert parse((tmp_path / "data" / UUID).read_bytes()) == told
    os.unlink(tmp_path / "subnet.env")
    chain.check(one, find, result)
    assert chain.delete(one, find, result) == ()
    for command in ("CHECK", "DEL"):
        later = parse((tmp_path / f"{command}.eth0").read_bytes())
        assert later.pop("prevResult")["ips"][0]["address"] == "10.1.17.2/24"
        assert later == told
    assert os.listdir(tmp_path / "data") == []
    assert chain.delete(one, find, result) == ()


def test_a_delegate_that_fails_leaves_nothing(tmp_path: Path) -> None:
    written(tmp_path)
    find = finder(tmp_path)
    script(tmp_path, "bridge", "[ $CNI_COMMAND = DEL ] || exit 3")

    with pytest.raises(chain.ChainError, match="status 3"):
        chain.add(attachment(network(tmp_path)), find)

    assert os.listdir(tmp_path / "data") == []


def test_what_could_not_be_undone_is_kept_for_the_next_time(tmp_path: Path) -> None:
    written(tmp_path)
    find = finder(tmp_path)
    one = attachment(network(tmp_path))
    result = chain.add(one, find)
    (tmp_path / "fail").touch()

    assert len(chain.delete(one, find, result)) == 1
    (tmp_path / "fail").unlink()

    assert os.listdir(tmp_path / "data") == [UUID]
    assert chain.delete(one, find, result) == ()
    assert os.listdir(tmp_path / "data") == []


def test_a_pod_may_be_in_two_networks_of_this_kind(tmp_path: Path) -> None:
    written(tmp_path)
    find = finder(tmp_path)
    one = attachment(network(tmp_path, "one"))
    two = attachment(network(tmp_path, "two", delegate={"mtu": 1000})).replace(interface="eth1")

    for each in (one, two):
        chain.add(each, find)
    assert sorted(os.listdir(tmp_path / "data")) == [UUID, f"{UUID}-eth1"]
    for each in (one, two):
        assert chain.delete(each, find, RESULT) == ()

    for interface, mtu in (("eth0", 1472), ("eth1", 1000)):
        assert parse((tmp_path / f"DEL.{interface}").read_bytes())["mtu"] == mtu
    assert os.listdir(tmp_path / "data") == []


def test_what_is_kept_and_broken_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / UUID).write_text("[")

    errors = chain.delete(attachment(network(tmp_path)), finder(tmp_path), None)

    assert len(errors) == 1
    assert f"{tmp_path}/data/{UUID} is broken" in errors[0]


def test_without_a_daemon_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(
        chain.ChainError, match=r"cannot read .*/subnet.env: No such file"
    ) as caught:
        chain.add(attachment(network(tmp_path)), finder(tmp_path))

    assert "flanneld" in str(caught.value.hint)
    assert not (tmp_path / "data").exists()
