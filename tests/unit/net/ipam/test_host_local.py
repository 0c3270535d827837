"""Addresses given out from a lease directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.errors import RktError
from rktpy.net.call import Call
from rktpy.net.ipam.arguments import IpamError
from rktpy.net.ipam.host_local import ExhaustedError, HostLocal
from rktpy.net.ipam.leases import Lease, leases, reclaim
from rktpy.net.outcome import DNS
from rktpy.net.result import Address, Result, Route

if TYPE_CHECKING:
    from pathlib import Path

DUAL: dict[str, Any] = {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}]]}


class Network:
    """A network with a lease directory of its own."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.directory = base / "blue"

    def call(
        self,
        container: str = "one",
        arguments: str = "",
        interface: str = "eth0",
        name: str = "blue",
        outer: dict[str, object] | None = None,
        **ipam: object,
    ) -> Call:
        ranges = {} if "ranges" in ipam or "subnet" in ipam else {"subnet": "10.1.0.0/24"}
        fields: dict[str, Any] = {
            "ipam": {"dataDir": str(self.base), **ranges, **ipam},
            **(outer or {}),
        }
        capabilities = fields.pop("offered", {})
        return Call(
            container, "", interface, arguments, name, "1.0.0", fields, capabilities=capabilities
        )

    def add(self, container: str = "one", arguments: str = "", **ipam: Any) -> list[str]:
        result = HostLocal().add(self.call(container, arguments, **ipam))
        return [one.address for one in result.addresses]

    def files(self) -> dict[str, str]:
        return {path.name: path.read_bytes().decode() for path in self.directory.iterdir()}


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path)


def refused(network: Network, arguments: str = "", **ipam: Any) -> str:
    with pytest.raises(RktError) as caught:
        network.add("new", arguments, **ipam)
    return caught.value.message


def test_the_first_pod_of_the_default_network_gets_the_address_after_the_gateway(
    network: Network,
) -> None:
    call = network.call(subnet="172.16.28.0/24", routes=[{"dst": "0.0.0.0/0"}])

    assert HostLocal().add(call) == Result(
        addresses=(Address("172.16.28.2/24", "172.16.28.1"),), routes=(Route("0.0.0.0/0"),)
    )
    assert network.files() == {
        "172.16.28.2": "one\r\neth0", "last_reserved_ip.0": "172.16.28.2", "lock": "",
    }  # fmt: skip


def test_the_lowest_free_address_is_next(network: Network) -> None:
    for container in ("one", "two", "three"):
        network.add(container)
    HostLocal().delete(network.call("two"))

    assert network.add("four") == ["10.1.0.3/24"]
    assert network.add("five") == ["10.1.0.5/24"]


def test_a_pod_gets_an_address_of_each_set(network: Network) -> None:
    assert network.add(**DUAL) == ["10.1.0.2/24", "fd00::2/64"]
    assert network.files()["fd00::2"] == "one\r\neth0"
    assert network.files()["last_reserved_ip.1"] == "fd00::2"


def test_a_gateway_in_the_middle_is_passed_over(network: Network) -> None:
    assert network.add("one", gateway="10.1.0.2") == ["10.1.0.1/24"]
    assert network.add("two", gateway="10.1.0.2") == ["10.1.0.3/24"]


@pytest.mark.parametrize(
    ("outer", "arguments"),
    [
        ({}, "IP=10.1.0.77"),
        ({}, "IP=10.1.0.77/24"),
        ({}, "IP=::ffff:10.1.0.77"),
        ({"args": {"cni": {"ips": ["10.1.0.77"]}}}, ""),
        ({"capabilities": {"ips": True}, "offered": {"ips": ["10.1.0.77/24"]}}, ""),
    ],
)
def test_a_pod_can_ask_for_an_address(
    network: Network, outer: dict[str, object], arguments: str
) -> None:
    assert network.add(arguments=arguments, outer=outer, **DUAL) == ["10.1.0.77/24", "fd00::2/64"]


def test_ranges_of_the_run_come_first(network: Network) -> None:
    outer = {
        "capabilities": {"ipRanges": True},
        "offered": {"ipRanges": [[{"subnet": "10.7.0.0/24"}]]},
    }

    assert network.add(outer=outer) == ["10.7.0.2/24", "10.1.0.2/24"]


def test_a_pod_can_ask_for_an_address_beyond_the_range_but_not_beyond_the_subnet(
    network: Network,
) -> None:
    bounds = {"rangeStart": "10.1.0.10", "rangeEnd": "10.1.0.20"}

    assert network.add("one", "IP=10.1.0.200", **bounds) == ["10.1.0.200/24"]
    assert refused(network, "IP=10.1.1.1", **bounds) == "10.1.1.1 not in network: 10.1.0.0/24"


@pytest.mark.parametrize("address", ["10.1.0.0", "10.1.0.255", "10.1.0.2"])
def test_an_address_that_is_no_hosts_or_taken(network: Network, address: str) -> None:
    network.add("one")

    assert refused(network, f"IP={address}") == (
        f'requested IP address "{address}" is not available in network: blue'
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("IP=10.1.0.1", "requested IP must differ gateway IP: 10.1.0.1"),
        ("IP=x", 'invalid IP address "x"'),
        ("FOO=x", 'ARGS: unknown args ["FOO=x"]'),
    ],
)
def test_a_wish_that_cannot_be(network: Network, arguments: str, message: str) -> None:
    assert refused(network, arguments) == message
    assert leases(str(network.directory)) == []


def test_an_exhausted_network_says_so_and_keeps_nothing(network: Network) -> None:
    ranges = [[{"subnet": "fd00::/64"}], [{"subnet": "10.1.0.0/30"}]]
    network.add("one", ranges=ranges)

    with pytest.raises(ExhaustedError) as caught:
        network.add("two", ranges=ranges)

    assert caught.value.message == "no IP addresses available in network: blue"
    assert caught.value.directory == str(network.directory)
    assert [lease.container for lease in leases(str(network.directory))] == ["one", "one"]


def test_a_pod_cannot_have_two_addresses_on_one_interface(network: Network) -> None:
    network.add("one")

    with pytest.raises(IpamError, match=r"10\.1\.0\.2 has been allocated to one, duplicate"):
        network.add("one")
    assert network.add("one", interface="eth1") == ["10.1.0.3/24"]


def test_a_deletion_releases_what_the_interface_has(network: Network) -> None:
    network.add("one", **DUAL)
    network.add("one", interface="eth1", **DUAL)
    network.add("two", **DUAL)
    (network.directory / "10.1.0.90").write_text("one\n")  # as CNI's program wrote it before 0.8
    (network.directory / "foreign").write_bytes(b"one\r\neth0")

    HostLocal().delete(network.call("one"))
    HostLocal().delete(network.call("one"))

    assert sorted(set(network.files()) - {"lock", "last_reserved_ip.0", "last_reserved_ip.1"}) == [
        "10.1.0.3", "10.1.0.4", "fd00::3", "fd00::4",
    ]  # fmt: skip


def test_a_deletion_of_what_never_was_makes_nothing(network: Network) -> None:
    HostLocal().delete(network.call("one"))

    assert not network.directory.exists()


def test_a_deletion_does_not_mind_a_broken_configuration(network: Network) -> None:
    network.add("one")

    HostLocal().delete(network.call("one", subnet="nonsense", arguments="x"))

    assert leases(str(network.directory)) == []


def test_a_check_finds_the_lease(network: Network) -> None:
    call = network.call("one", **DUAL)
    result = HostLocal().add(call)
    HostLocal().check(call)
    HostLocal().check(call.replace(previous=result))

    (network.directory / "fd00::2").unlink()
    HostLocal().check(call)
    with pytest.raises(IpamError, match="fd00::2/64 is not leased to one"):
        HostLocal().check(call.replace(previous=result))
    (network.directory / "10.1.0.2").unlink()
    with pytest.raises(IpamError, match="Failed to find address added by container one"):
        HostLocal().check(call)


def test_a_check_without_a_lease_directory(network: Network) -> None:
    with pytest.raises(IpamError, match="Failed to find address added by container one"):
        HostLocal().check(network.call("one"))


def test_name_servers_come_from_a_file(network: Network, tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "# nameserver 10.0.0.9\nnameserver 10.0.0.1\nnameserver  fd00::1\ndomain a.example\n"
        "search a.example b.example\noptions ndots:2 rotate\nsortlist x\nnameserver\n"
    )
    result = HostLocal().add(network.call(resolvConf=str(conf)))

    assert result.dns == DNS(
        ("10.0.0.1", "fd00::1"), "a.example", ("a.example", "b.example"), ("ndots:2", "rotate")
    )


def test_a_missing_file_of_name_servers_takes_no_address(network: Network) -> None:
    assert "(resolvConf): No such file" in refused(network, resolvConf="/nonexistent/resolv.conf")
    assert not network.directory.exists()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../blue", "a\0b"])
def test_a_name_leads_nowhere_else(network: Network, name: str) -> None:
    assert "cannot be the name of a network" in refused(network, name=name)
    assert list(network.base.iterdir()) == []


@pytest.mark.parametrize("data_dir", ["leases", "/a\0b"])
def test_a_lease_directory_is_an_absolute_path(network: Network, data_dir: str) -> None:
    assert '"dataDir" must be an absolute path' in refused(network, dataDir=data_dir)


def test_an_address_stays_taken_whatever_is_in_its_place(network: Network, tmp_path: Path) -> None:
    network.directory.mkdir()
    (network.directory / "10.1.0.2").touch()
    (network.directory / "10.1.0.3").mkdir()
    (network.directory / "10.1.0.4").symlink_to(tmp_path / "gone")
    (network.directory / "10.1.0.5").write_bytes(b"\xff\0\x1b[2J")
    (network.directory / "10.1.0.6").write_bytes(b"x" * 100_000)
    os.mkfifo(network.directory / "10.1.0.7")
    (network.directory / "foreign").write_text("one")

    assert network.add("new") == ["10.1.0.8/24"]
    assert leases(str(network.directory)) == [
        *(Lease(f"10.1.0.{last}", "", "") for last in range(2, 8)),
        Lease("10.1.0.8", "new", "eth0"),
    ]


def test_an_address_in_another_spelling_is_taken(network: Network) -> None:
    network.directory.mkdir()
    (network.directory / "FD00:0::2").write_text("one")

    assert network.add("new", subnet="fd00::/64") == ["fd00::3/64"]


def test_a_lock_that_is_none_is_an_error(network: Network) -> None:
    (network.directory / "lock").mkdir(parents=True)

    assert refused(network) == f"cannot use the leases in {network.directory}: Is a directory"
    with pytest.raises(IpamError):
        HostLocal().delete(network.call())


def test_a_link_in_place_of_the_lock_is_not_followed(network: Network, tmp_path: Path) -> None:
    network.directory.mkdir()
    (network.directory / "lock").symlink_to(tmp_path / "elsewhere")

    assert "Too many levels of symbolic links" in refused(network)
    assert not (tmp_path / "elsewhere").exists()


def test_a_lost_lock_is_made_anew(network: Network) -> None:
    network.add("one")
    (network.directory / "lock").unlink()

    assert network.add("two") == ["10.1.0.3/24"]


def test_where_the_last_address_stands_may_be_anything(network: Network) -> None:
    (network.directory / "last_reserved_ip.0").mkdir(parents=True)

    assert network.add() == ["10.1.0.2/24"]


def test_a_file_in_place_of_the_directory_is_an_error(network: Network) -> None:
    network.directory.write_text("")

    assert "cannot use the leases in" in refused(network)


def test_leases_of_pods_that_are_gone_are_reclaimed(network: Network) -> None:
    network.add("one", **DUAL)
    network.add("two", **DUAL)
    (network.directory / "10.1.0.9").touch()
    (network.directory / "10.1.0.10").mkdir()

    found = reclaim(str(network.directory), lambda lease: lease.container in ("one", ""))

    assert [lease.address for lease in found] == ["10.1.0.2", "10.1.0.9", "10.1.0.10", "fd00::2"]
    assert [lease.container for lease in leases(str(network.directory))] == ["two", "two"]


def test_nothing_is_reclaimed_where_nothing_is(network: Network) -> None:
    assert reclaim(str(network.directory), lambda _lease: True) == []
    assert leases(str(network.directory)) == []


def test_a_full_directory_that_is_no_lease_is_not_emptied(network: Network) -> None:
    (network.directory / "10.1.0.2" / "precious").mkdir(parents=True)

    with pytest.raises(IpamError, match=r"10\.1\.0\.2: Directory not empty"):
        reclaim(str(network.directory), lambda _lease: True)
    assert (network.directory / "10.1.0.2" / "precious").exists()
