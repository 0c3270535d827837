"""The rows of rkt's net_test that need more than one command (rkt-cli.md 12.9)."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.run.netted import Netted, forget_bridges
from tests.support.inspect_image import inspect_aci
from tests.support.uplink import HOST4, HostServer, Uplink, get, host_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.run.rk import Done, Running

INSPECT = "coreos.com/rkt-inspect"
PORT = 8080
DEBIAN = "/usr/lib/cni"
LONG = "thisnameiswaytoolongforaninterfaceandmuchmorethanitis00"  # 55 characters
VARIABLES = ("COMMAND", "CONTAINERID", "NETNS", "IFNAME", "PATH", "VERSION", "ARGS")


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("netrows")
    port = {"name": "http", "protocol": "tcp", "port": PORT, "count": 1, "socketActivated": False}
    image = inspect_aci(home / "inspect.aci", isolators=(), app={"ports": [port]})
    Netted(home / "data", home).ok("fetch", image)
    return home / "data"


@pytest.fixture
def rkt(_filled: Path, tmp_path: Path) -> Iterator[Netted]:
    """rktpy with the inspect image and an empty ``net.d``, on a host with a network."""
    with Uplink():
        found = Netted(_filled, tmp_path)
        yield found
        done = found.collect()
        forget_bridges()
    assert (done.status, found.pods()) == (0, [])


def inspected(rkt: Netted, *words: str) -> Done:
    """Run the inspect image to its end; it must succeed."""
    done = rkt("run", "--mds-register=false", *words)
    assert done.status == 0, done
    return done


def serving(rkt: Netted, *options: str, port: int = PORT, look: str = "eth0") -> Running:
    """Start the inspect image as a server in a network; it says its address, then serves once."""
    arguments = (f"--print-ipv4={look}", f"--serve-http=0.0.0.0:{port}")
    return rkt.start("run", "--mds-register=false", *options, INSPECT, "--", *arguments)


def address_of(pod: Running) -> str:
    return pod.shows(r"IPv4: (\d+\.\d+\.\d+\.\d+)")[1]


def name_of(pod: Running) -> str:
    return pod.shows(r" ([a-zA-Z0-9\-]*): serving on")[1]


def ends(pod: Running) -> bool:
    return pod.end().status == 0


def dual(rkt: Netted, network: str) -> tuple[str, str]:
    """Let a pod of ``network`` ask another one; return what it heard and what it should have."""
    with serving(rkt, f"--net={network}") as server:
        address, name = address_of(server), name_of(server)
        client = inspected(
            rkt, f"--net={network}", INSPECT, "--", f"--get-http=http://{address}:{PORT}"
        )
        assert ends(server)
    return heard(client), name


def heard(done: Done) -> str:
    match = re.search(r"HTTP-Get received: (.*)\r", done.out)
    return match[1] if match else ""


def natted(rkt: Netted, network: str) -> str:
    """Let a pod of ``network`` ask an address of the host's uplink; return what it heard."""
    with HostServer(f"{HOST4}:{PORT}"):
        done = inspected(
            rkt, f"--net={network}", INSPECT, "--", f"--get-http=http://{HOST4}:{PORT}"
        )
    return heard(done)


def test_a_server_in_the_hosts_network_is_reached_on_loopback(rkt: Netted) -> None:
    words = (INSPECT, "--", f"--serve-http=0.0.0.0:{PORT}")
    with rkt.start("run", "--net=host", "--mds-register=false", *words) as pod:
        name = name_of(pod)
        assert get(f"http://127.0.0.1:{PORT}") == name
        assert ends(pod)


@pytest.mark.parametrize("options", [("--net=default",), ()])
def test_a_pod_of_the_default_network_reaches_the_host(
    rkt: Netted, options: tuple[str, ...]
) -> None:
    with HostServer(f"{HOST4}:{PORT}"):
        done = inspected(rkt, *options, INSPECT, "--", f"--get-http=http://{HOST4}:{PORT}")

    assert heard(done) == host_name()


def test_the_host_reaches_a_pod_of_the_restricted_network(rkt: Netted) -> None:
    with serving(rkt, "--net=default-restricted") as pod:
        address, name = address_of(pod), name_of(pod)
        assert get(f"http://{address}:{PORT}") == name
        assert ends(pod)

    assert address.startswith("172.31.")


BRIDGE1: dict[str, Any] = {
    "type": "bridge", "bridge": "bridge1", "ipMasq": True, "isGateway": True,
    "ipam": {"type": "host-local", "subnet": "11.11.5.0/24", "routes": [{"dst": "0.0.0.0/0"}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("network", "address", "port", "bound"),
    [
        *itertools.product(["default"], ["172.16.28.1", "127.0.0.1"], [PORT, 8081], [""]),
        *itertools.product(["bridge1"], ["11.11.5.1", "127.0.0.1"], [PORT, 8081], [""]),
        ("default", "172.16.28.1", 8081, "172.16.28.1:"),
    ],
)
def test_a_forwarded_port_is_reached(
    rkt: Netted, network: str, address: str, port: int, bound: str
) -> None:
    rkt.configure("bridge1", **BRIDGE1)
    with serving(rkt, f"--net={network}", f"--port=http:{bound}{port}") as pod:
        name = name_of(pod)
        assert get(f"http://{address}:{port}") == name
        assert ends(pod)


def test_a_port_forwarded_on_one_address_is_not_reached_on_another(rkt: Netted) -> None:
    with serving(rkt, "--net=default", "--port=http:172.16.28.1:8081") as pod:
        name_of(pod)
        with pytest.raises(ConnectionRefusedError):
            get("http://127.0.0.1:8081")
        assert get("http://172.16.28.1:8081")
        assert ends(pod)


@pytest.mark.parametrize("kind", ["ptp", "bridge"])
def test_a_configured_network_masquerades_its_pods(rkt: Netted, kind: str) -> None:
    ipam = {"type": "host-local", "subnet": "11.11.1.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
    bridge: dict[str, Any] = {"bridge": "bridge0", "isGateway": True}
    more = bridge if kind == "bridge" else {}
    rkt.configure("mine", type=kind, ipMasq=True, ipam=ipam, **more)

    assert natted(rkt, "mine") == host_name()


@pytest.mark.parametrize("kind", ["ptp", "bridge", "macvlan"])
def test_pods_of_a_configured_network_reach_each_other(rkt: Netted, kind: str) -> None:
    ipam = {"type": "host-local", "subnet": "11.11.2.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
    more: dict[str, dict[str, Any]] = {
        "ptp": {"ipMasq": True},
        "bridge": {"bridge": "bridge0", "isGateway": True, "ipMasq": True},
        "macvlan": {"master": "up0"},
    }
    rkt.configure("mine", type=kind, ipam=ipam, **more[kind])

    received, name = dual(rkt, "mine")

    assert received == name


def test_an_address_may_be_asked_for(rkt: Netted) -> None:
    ipam = {"type": "host-local", "subnet": "11.11.4.0/24"}
    rkt.configure("overridemacvlan", type="macvlan", master="up0", ipam=ipam)

    done = inspected(
        rkt, "--net=overridemacvlan:IP=11.11.4.244", INSPECT, "--", "--print-ipv4=eth0"
    )

    assert "IPv4: 11.11.4.244" in done.out


@pytest.mark.parametrize(
    ("network", "address"),
    [("default", "172.16.28.123"), ("default-restricted", "172.31.42.42")],
)
def test_an_address_of_a_default_network_may_be_asked_for(
    rkt: Netted, network: str, address: str
) -> None:
    done = inspected(rkt, f"--net={network}:IP={address}", INSPECT, "--", "--print-ipv4=eth0")

    assert f"IPv4: {address}" in done.out


def test_an_address_that_a_pod_has_is_refused_to_another(rkt: Netted) -> None:
    words = (INSPECT, "--", "--print-ipv4=eth0", "--silent-sigterm", "--sleep=60")
    net = "--net=default:IP=172.16.28.42"
    with rkt.start("run", "--mds-register=false", net, *words) as first:
        assert address_of(first) == "172.16.28.42"
        second = rkt("run", "--mds-register=false", net, *words)
        first.process.terminate()
        ended = first.end()

    text = 'requested IP address "172.16.28.42" is not available in network: default'
    assert text in second.err
    assert (second.status, ended.status) == (254, 0)


def test_a_networks_name_may_be_longer_than_an_interfaces(rkt: Netted) -> None:
    ipam = {"type": "host-local", "subnet": "11.11.6.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
    rkt.configure(LONG, type="ptp", ipMasq=True, ipam=ipam)

    assert len(LONG) == 55
    assert natted(rkt, LONG) == host_name()


@pytest.fixture
def kubernetes(rkt: Netted, tmp_path: Path) -> Netted:
    """rktpy with the network of rkt's kubelet, on a host with a flannel daemon."""
    subnet = tmp_path / "subnet.env"
    subnet.write_text(
        "FLANNEL_NETWORK=11.11.0.0/16\nFLANNEL_SUBNET=11.11.3.1/24\nFLANNEL_MTU=1472\n"
        "FLANNEL_IPMASQ=true\n"
    )
    delegate = {"isDefaultGateway": True}
    rkt.configure(
        "rkt.kubernetes.io", file="10-flannel.conf", type="flannel", subnetFile=str(subnet),
        delegate=delegate,
    )  # fmt: skip
    return rkt


def test_the_record_has_the_name_of_kuberneteses_network(
    kubernetes: Netted, tmp_path: Path
) -> None:
    file = tmp_path / "uuid"
    option = f"--uuid-file-save={file}"
    inspected(kubernetes, "--net=rkt.kubernetes.io", option, INSPECT, "--", "--print-iface-count")

    record = kubernetes.data / f"pods/run/{file.read_text()}/net-info.json"
    assert [entry["netName"] for entry in json.loads(record.read_text())] == ["rkt.kubernetes.io"]


def test_kuberneteses_network_has_a_default_gateway(kubernetes: Netted) -> None:
    done = inspected(kubernetes, "--net=rkt.kubernetes.io", INSPECT, "--", "--print-defaultgwv4")

    assert "DefaultGWv4: 11.11.3.1" in done.out


# Notes what it was told, then lets the plugin that X_REAL_PLUGIN names do the work.
PROXY = f"""\
fields=$(echo "$CNI_ARGS" | tr ';' '\\n')
log=$(echo "$fields" | sed -n 's/^X_LOG=//p')
real=$(echo "$fields" | sed -n 's/^X_REAL_PLUGIN=//p')
dns=$(echo "$fields" | sed -n 's/^X_ADD_DNS=//p')
here=$(dirname "$0")
cat >"$here/$log.$CNI_COMMAND.stdin"
env | grep ^CNI_ >"$here/$log.$CNI_COMMAND"
CNI_ARGS= PATH={DEBIAN}:$PATH CNI_PATH={DEBIAN} "$real" <"$here/$log.$CNI_COMMAND.stdin" |
    sed "s/\\"dns\\": {{}}/\\"dns\\": {{\\"nameservers\\": [\\"$dns\\"]}}/"
"""


@pytest.fixture
def proxied(rkt: Netted) -> Netted:
    """rktpy with a network whose plugin is the proxy, in front of Debian's bridge."""
    ipam = {"type": "host-local", "subnet": "11.11.3.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
    rkt.configure(
        "bridge0", type="cniproxy", bridge="bridge0", isGateway=True, ipMasq=False, ipam=ipam
    )
    rkt.program("cniproxy", PROXY)
    return rkt


def test_a_plugin_is_called_as_rkt_called_it(proxied: Netted) -> None:
    directory = proxied.local / "net.d"
    net = "--net=bridge0:X_LOG=output;X_REAL_PLUGIN=bridge"
    done = inspected(proxied, net, INSPECT, "--", "--print-defaultgwv4")
    added = told(directory / "output.ADD")
    proxied.ok("gc", "--grace-period=0s")
    deleted = told(directory / "output.DEL")

    conf = (directory / "bridge0.conf").read_bytes()
    assert "DefaultGWv4: 11.11.3.1" in done.out
    for command, variables in (("ADD", added), ("DEL", deleted)):
        assert (directory / f"output.{command}.stdin").read_bytes() == conf
        expected = {
            "CNI_VERSION": r"0\.1\.0",
            "CNI_COMMAND": command,
            "CNI_IFNAME": r"eth\d",
            "CNI_PATH": f"{directory}:/usr/lib/rkt/plugins/net:"
            "stage1/rootfs/usr/lib/rkt/plugins/net",
            "CNI_NETNS": r"/var/run/netns/cni-.*",
            "CNI_CONTAINERID": r"[a-fA-F0-9-]{36}",
        }
        wrong = {
            name: variables.get(name)
            for name, pattern in expected.items()
            if not re.fullmatch(pattern, variables.get(name, ""))
        }
        assert wrong == {}


def told(path: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize(
    ("options", "expected"),
    [((), "nameserver 1.2.3.4"), (("--dns=244.244.244.244",), "nameserver 244.244.244.244")],
)
def test_a_name_server_of_a_plugin_is_the_apps(
    proxied: Netted, options: tuple[str, ...], expected: str
) -> None:
    net = "--net=bridge0:X_LOG=output;X_REAL_PLUGIN=bridge;X_ADD_DNS=1.2.3.4"
    done = inspected(
        proxied, net, *options, INSPECT, "--", "--file-name=/etc/resolv.conf", "--read-file"
    )

    assert expected in done.out
    assert done.out.count("nameserver") == 1


def test_without_dns_there_is_no_file_whatever_the_plugin_says(proxied: Netted) -> None:
    net = "--net=bridge0:X_LOG=output;X_REAL_PLUGIN=bridge;X_ADD_DNS=1.2.3.4"
    words = (INSPECT, "--", "--file-name=/etc/resolv.conf", "--stat-file")
    done = proxied("run", "--mds-register=false", net, "--dns=none", *words)

    text = 'Cannot stat file "/etc/resolv.conf": stat /etc/resolv.conf: no such file or directory'
    assert text in done.out
    assert done.status == 254
