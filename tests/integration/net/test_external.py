"""Plugins that are programs on a real kernel: Debian's, alone, in chains, and mixed with ours."""

from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.codec import compact, parse
from rktpy.errors import RktError
from rktpy.net import chain
from rktpy.net.conf import LEGACY
from rktpy.net.external import External
from rktpy.net.registry import POD, Registry
from tests.support.netplugins import DEBIAN, SEARCH, UUID, attachment, programs, script
from tests.support.wires import ip

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]
LEASES = "/var/lib/cni/networks/n"
MAC = "02:00:00:00:00:77"


@pytest.fixture
def netns() -> Iterator[str]:
    name = f"cni-{os.getpid()}"
    ip("netns", "add", name)
    yield f"/run/netns/{name}"
    ip("netns", "delete", name)
    # Debian's plugins leave the empty tables of iptables.
    subprocess.run(["nft", "flush", "ruleset"], check=True)


def inside(netns: str, *argv: str) -> str:
    words = ["ip", "netns", "exec", os.path.basename(netns), *argv]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def addresses(netns: str) -> list[str]:
    listed = inside(netns, "ip", "-o", "-4", "address", "show", "eth0")
    return [line.split()[3] for line in listed.splitlines()]


def reach(netns: str, address: str) -> None:
    """Connect from the namespace to ``address``, which is the host's."""
    with socket.create_server((address, 0)) as server:
        inside(netns, "bash", "-c", f"exec 3<>/dev/tcp/{address}/{server.getsockname()[1]}")


def rules() -> str:
    return subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout


def leases() -> list[str]:
    return [name for name in os.listdir(LEASES) if name[0].isdigit()]


def ipam(**more: object) -> Json:
    routes = [{"dst": "0.0.0.0/0"}]
    return {"type": "host-local", "subnet": "10.77.0.0/24", "routes": routes, **more}


def fixed(address: str) -> Json:
    return {"type": "static", "addresses": [{"address": address}]}


def mine(local: Path, *kinds: str) -> None:
    """Put Debian's programs where the administrator puts his."""
    (local / "net.d").mkdir(exist_ok=True)
    for kind in kinds:
        os.symlink(f"{DEBIAN}/{kind}", local / "net.d" / kind)


def registry(local: Path) -> Registry:
    (local / "pod/stage1/rootfs").mkdir(parents=True, exist_ok=True)
    return Registry(str(local), {"PATH": SEARCH}, f"{local}/pod")


def test_a_network_as_rkt_had_it(netns: str) -> None:
    fields = {"cniVersion": "0.1.0", "name": "n", "type": "ptp", "ipMasq": True, "ipam": ipam()}
    one = attachment(fields, netns, arguments="IP=10.77.0.9")

    result = chain.add(one, programs(DEBIAN))

    assert [a.address for a in result.addresses] == addresses(netns) == ["10.77.0.9/24"]
    assert leases() == ["10.77.0.9"]
    assert UUID in rules()
    assert chain.delete(one, programs(DEBIAN), result) == ()
    assert leases() == []
    assert UUID not in rules()


@pytest.mark.parametrize(
    ("version", "sbr"),
    [("0.3.0", True), ("0.3.1", False), ("0.4.0", False), ("1.0.0", False), ("1.0.0", True)],
)
def test_all_that_can_be_chained(netns: str, version: str, *, sbr: bool) -> None:
    plugins: list[Json] = [
        {"type": "bridge", "bridge": "t0", "isGateway": True, "ipMasq": True, "ipam": ipam()},
        {"type": "tuning", "mtu": 1400, "sysctl": {"net.core.somaxconn": "77"},
         "capabilities": {"mac": True}},
        {"type": "portmap", "snat": True, "capabilities": {"portMappings": True}},
        {"type": "bandwidth", "capabilities": {"bandwidth": True}},
    ]  # fmt: skip
    plugins += [{"type": "firewall", "backend": "iptables"}] * (version >= "0.4")
    plugins += [{"type": "sbr"}] * sbr
    capabilities = {
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}],
        "bandwidth": {"ingressRate": 8_000_000, "ingressBurst": 8_000_000},
        "mac": MAC,
    }
    document = {"cniVersion": version, "name": "n", "plugins": plugins}
    one = attachment(document, netns, capabilities=capabilities)
    find = programs(DEBIAN)

    result = chain.add(one, find)

    assert [a.address for a in result.addresses] == addresses(netns) == ["10.77.0.2/24"]
    assert f"link/ether {MAC}" in inside(netns, "ip", "link", "show", "eth0")
    assert inside(netns, "cat", "/proc/sys/net/core/somaxconn") == "77\n"
    assert "10.77.0.2:80" in rules()
    assert "tbf" in subprocess.run(["tc", "qdisc"], capture_output=True, text=True).stdout
    assert ("from 10.77.0.2 lookup 100" in inside(netns, "ip", "rule")) is sbr
    if not sbr:  # then only who binds the address finds a route
        reach(netns, "10.77.0.1")
    assert chain.delete(one, find, result) == ()
    assert leases() == []
    assert "10.77.0.2" not in rules()
    errors = chain.delete(one.replace(netns=""), find, result)
    assert len(errors) == sbr  # Debian's fails without a namespace, and the others go on
    ip("link", "delete", "t0")


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0"])
def test_a_check_notices_what_is_gone(netns: str, version: str) -> None:
    # Not portmap: Debian's misses rules for IPv6 where there is none.
    plugins = [
        {"type": "ptp", "ipam": ipam()},
        {"type": "tuning", "mtu": 1400},
        {"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 8_000_000},
        {"type": "firewall", "backend": "iptables"},
    ]
    one = attachment({"cniVersion": version, "name": "n", "plugins": plugins}, netns)
    result = chain.add(one, programs(DEBIAN))
    chain.check(one, programs(DEBIAN), result)

    ip("-n", os.path.basename(netns), "link", "set", "eth0", "mtu", "1300")
    with pytest.raises(RktError, match="MTU of eth0"):
        chain.check(one, programs(DEBIAN), result)
    ip("-n", os.path.basename(netns), "link", "delete", "eth0")
    with pytest.raises(RktError, match="eth0"):
        chain.check(one, programs(DEBIAN), result)
    assert chain.delete(one, programs(DEBIAN), result) == ()
    assert leases() == []


@pytest.mark.parametrize("version", [LEGACY, "1.0.0"])
def test_macvlan_with_an_address_that_is_written_down(netns: str, version: str) -> None:
    ip("link", "add", "m0", "type", "veth", "peer", "name", "m1")
    ip("link", "set", "m0", "up")
    fields = {"type": "macvlan", "master": "m0", "ipam": fixed("10.78.0.7/24")}
    one = attachment({"cniVersion": version, "name": "n", **fields}, netns)

    result = chain.add(one, programs(DEBIAN))

    assert [a.address for a in result.addresses] == addresses(netns) == ["10.78.0.7/24"]
    assert chain.delete(one, programs(DEBIAN), result) == ()
    ip("link", "delete", "m0")


def test_a_chain_that_breaks_leaves_neither_link_nor_lease_nor_rule(netns: str) -> None:
    links = inside(netns, "ip", "-o", "link")
    before = rules()
    plugins = [
        {"type": "ptp", "ipMasq": True, "ipam": ipam()},
        {"type": "tuning", "sysctl": {"net.nothing.of.the.kind": "1"}},
        {"type": "firewall"},
    ]
    one = attachment({"cniVersion": "1.0.0", "name": "n", "plugins": plugins}, netns)

    with pytest.raises(chain.ChainError, match="no such file"):
        chain.add(one, programs(DEBIAN))

    assert leases() == []
    assert inside(netns, "ip", "-o", "link") == links
    assert [line for line in rules().splitlines() if "10.77" in line] == []
    assert "10.77" not in before


def test_debians_plugins_tell_their_versions_when_none_fits(netns: str) -> None:
    ptp = External(f"{DEBIAN}/ptp", (DEBIAN,), {})

    assert {"0.1.0", "1.0.0"} <= set(ptp.versions("0.4.0"))
    with pytest.raises(chain.ChainError, match="incompatible CNI versions") as caught:
        chain.add(
            attachment('{"cniVersion": "9.0.0", "name": "n", "type": "ptp"}', netns),
            programs(DEBIAN),
        )
    assert str(caught.value.hint).startswith(f"{DEBIAN}/ptp speaks CNI 0.1.0, 0.2.0")


def test_a_built_in_plugin_asks_a_program_for_addresses(netns: str, tmp_path: Path) -> None:
    (tmp_path / "net.d").mkdir()
    answer = '{"cniVersion": "0.1.0", "ip4": {"ip": "10.79.0.5/24", "gateway": "10.79.0.1"}}'
    script(tmp_path / "net.d", "ours", f"echo $CNI_COMMAND >> {tmp_path}/calls; echo '{answer}'")
    one = attachment(
        {"cniVersion": "0.1.0", "name": "n", "type": "ptp", "ipam": {"type": "ours"}}, netns
    )
    find = registry(tmp_path).find
    assert not isinstance(find("ptp"), External)

    result = chain.add(one, find)

    assert [a.address for a in result.addresses] == addresses(netns) == ["10.79.0.5/24"]
    assert chain.delete(one, find, result) == ()
    assert (tmp_path / "calls").read_text().split() == ["ADD", "DEL"]
    ip("-n", os.path.basename(netns), "link", "delete", "eth0")  # as the namespace's end does


def test_a_program_of_the_administrator_finds_its_ipam(netns: str, tmp_path: Path) -> None:
    mine(tmp_path, "ptp")
    one = attachment({"cniVersion": "0.1.0", "name": "n", "type": "ptp", "ipam": ipam()}, netns)
    find = registry(tmp_path).find
    assert isinstance(find("ptp"), External)

    result = chain.add(one, find)

    assert os.readlink(tmp_path / "pod" / POD) == DEBIAN
    assert addresses(netns) == ["10.77.0.2/24"]
    assert chain.delete(one, find, result) == ()
    assert leases() == []


PROXY = """set -e
for pair in $(echo "$CNI_ARGS" | tr ';' ' '); do
    case $pair in X_LOG=*) log=${pair#*=} ;; X_REAL_PLUGIN=*) real=${pair#*=} ;; esac
done
env | grep ^CNI_ | sort > "$(dirname "$0")/$log.$CNI_COMMAND"
cat > "$(dirname "$0")/stdin.$CNI_COMMAND"
export CNI_ARGS=
for directory in $(echo "$CNI_PATH" | tr ':' ' '); do
    if [ -f "$directory/$real" ]; then
        "$directory/$real" < "$(dirname "$0")/stdin.$CNI_COMMAND"
        exit
    fi
done
exit 1"""


def test_a_proxy_of_rkts_tests_finds_the_plugin_it_stands_for(netns: str, tmp_path: Path) -> None:
    local = tmp_path
    (local / "net.d").mkdir()
    script(local / "net.d", "cniproxy", PROXY)
    fields = {"type": "cniproxy", "isDefaultGateway": True, "bridge": "t0", "ipam": ipam(routes=[])}
    content = compact({"name": "n", "cniVersion": "0.1.0", **fields})
    one = attachment(content, netns, arguments="X_LOG=output;X_REAL_PLUGIN=bridge")
    find = registry(local).find

    result = chain.add(one, find)
    assert addresses(netns) == ["10.77.0.2/24"]
    assert "default via 10.77.0.1" in inside(netns, "ip", "route")
    assert chain.delete(one, find, result) == ()

    place = "/usr/lib/rkt/plugins/net"
    for command in ("ADD", "DEL"):
        told = (local / f"net.d/output.{command}").read_text().splitlines()
        assert told == [
            "CNI_ARGS=X_LOG=output;X_REAL_PLUGIN=bridge", f"CNI_COMMAND={command}",
            f"CNI_CONTAINERID={UUID}", "CNI_IFNAME=eth0", f"CNI_NETNS={netns}",
            f"CNI_PATH={local}/net.d:{place}:stage1/rootfs{place}", "CNI_VERSION=0.1.0",
        ]  # fmt: skip
        assert (local / f"net.d/stdin.{command}").read_text() == content
    ip("link", "delete", "t0")


# As the guide for Kubernetes with rkt had it, and rkt's page on networking.
KUBERNETES_GCE = """{
    "name": "rkt.kubernetes.io",
    "type": "bridge",
    "bridge": "cbr0",
    "isGateway": true,
    "ipam": {
        "type": "host-local",
        "subnet": "10.255.228.1/24",
        "gateway": "10.255.228.1"
    },
    "routes": [
      { "dst": "0.0.0.0/0" }
    ]
}
"""
KUBERNETES_BRIDGE = """{
"name": "rkt.kubernetes.io",
"type": "bridge",
"bridge": "cbr0",
"mtu": 1460,
"addIf": "true",
"isGateway": true,
"ipMasq": true,
"ipam": {
    "type": "host-local",
    "subnet": "10.22.0.0/16",
    "gateway": "10.22.0.1",
    "routes": [
    { "dst": "0.0.0.0/0" }
    ]
}
}
"""
KUBERNETES_FLANNEL = """{
    "name": "rkt.kubernetes.io",
    "type": "flannel"
}
"""
FLANNEL_ENV = """FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.17.1/24
FLANNEL_MTU=1472
FLANNEL_IPMASQ=true
"""


@pytest.mark.parametrize(
    ("content", "address", "gateway", "bridge", "theirs"),
    [
        # Debian's host-local refuses the host bits of its subnet.
        (KUBERNETES_GCE, "10.255.228.2/24", "10.255.228.1", "cbr0", False),
        (KUBERNETES_BRIDGE, "10.22.0.2/16", "10.22.0.1", "cbr0", False),
        (KUBERNETES_BRIDGE, "10.22.0.2/16", "10.22.0.1", "cbr0", True),
        (KUBERNETES_FLANNEL, "10.1.17.2/24", "10.1.17.1", "cni0", False),
        (KUBERNETES_FLANNEL, "10.1.17.2/24", "10.1.17.1", "cni0", True),
    ],
)
def test_the_network_of_kubernetes(
    netns: str, tmp_path: Path, content: str, address: str, gateway: str, bridge: str,
    *, theirs: bool,
) -> None:  # fmt: skip
    os.mkdir("/run/flannel")
    with open("/run/flannel/subnet.env", "w") as file:
        file.write(FLANNEL_ENV)
    if theirs:  # the plugins of Debian do the work
        mine(tmp_path, "bridge", "host-local")
    one = attachment(content, netns)
    find = registry(tmp_path).find

    result = chain.add(one, find)

    assert [a.address for a in result.addresses] == addresses(netns) == [address]
    reach(netns, gateway)
    if "flannel" in content:
        assert f"10.1.0.0/16 via {gateway}" in inside(netns, "ip", "route")
        assert "mtu 1472" in inside(netns, "ip", "link", "show", "eth0")
        kept = f"/var/lib/cni/flannel/{UUID}"
        with open(kept) as file:
            assert parse(file.read())["ipMasq"] is False
    assert chain.delete(one, find, result) == ()
    if "flannel" in content:
        assert not os.path.exists(kept)
    left = os.listdir("/var/lib/cni/networks/rkt.kubernetes.io")
    assert [name for name in left if name[0].isdigit()] == []
    ip("link", "delete", bridge)
