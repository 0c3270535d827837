"""The same as Debian's programs say and write, for the same configurations."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.errors import RktError
from rktpy.net.call import Call
from rktpy.net.ipam.host_local import HostLocal
from rktpy.net.ipam.leases import Lease, leases
from rktpy.net.ipam.static import Static
from rktpy.net.result import render
from tests.integration.net.ipam import debian

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = ("0.1.0", "0.4.0", "1.0.0")
V4: dict[str, Any] = {"subnet": "10.1.0.0/24", "routes": [{"dst": "0.0.0.0/0"}]}
V6: dict[str, Any] = {"subnet": "FD00:0::/64", "routes": [{"dst": "::/0", "gw": "FD00::0:1"}]}
DUAL: dict[str, Any] = {
    "ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}]],
    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}, {"dst": "10.7.0.9/8", "gw": "10.1.0.9"}],
}
HOST_LOCAL = {
    "v4": V4,
    "v6": V6,
    "dual": DUAL,
    "bounds": V4 | {"rangeStart": "10.1.0.76", "rangeEnd": "10.1.0.79", "gateway": "10.1.0.78"},
    "gateway elsewhere": V4 | {"gateway": "10.9.0.1"},
    "subnet and ranges": {"subnet": "fd01::/120", "ranges": [[{"subnet": "10.2.0.0/16"}]]},
    "two ranges": {"ranges": [[{"subnet": "10.2.0.0/30"}, {"subnet": "10.3.0.0/29"}]]},
    "tiny": {"subnet": "10.2.0.4/30"},
    "no subnet": {},
    "too small": {"subnet": "10.2.0.0/31"},
    "no CIDR": {"subnet": "10.2.0.0"},
    "mixed": {"ranges": [[{"subnet": "10.1.0.0/24"}, {"subnet": "fd00::/64"}]]},
    "overlap": {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "10.1.0.0/25"}]]},
}
ARGUMENTS = ("", "IP=10.1.0.77", "IP=10.1.0.78/24", "FOO=1;IgnoreUnknown=1", "IP")


def the_call(fields: dict[str, Any], version: str = "1.0.0", arguments: str = "") -> Call:
    return Call("one", "", "eth0", arguments, "blue", version, {"type": "ptp", **fields})


def answer(plugin: HostLocal | Static, call: Call) -> dict[str, Any] | None:
    """Return the result as JSON value, None for an error."""
    try:
        return render(plugin.add(call), call.version)
    except RktError:
        return None


def debians(program: str, call: Call) -> dict[str, Any] | None:
    said = debian.run(program, "ADD", call)
    assert isinstance(said, dict)
    return None if "code" in said else said


def written(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and mode of the files of the network in ``directory``."""
    return {
        path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in directory.glob("blue/*")
    }


@pytest.mark.parametrize("arguments", ARGUMENTS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("ipam", HOST_LOCAL.values(), ids=HOST_LOCAL.keys())
def test_host_local_answers_and_writes_the_same(
    tmp_path: Path, ipam: dict[str, Any], version: str, arguments: str
) -> None:
    ours, theirs = (
        the_call({"ipam": {"dataDir": str(tmp_path / who), **ipam}}, version, arguments)
        for who in ("ours", "theirs")
    )

    for container in ("one", "two", "three", "four"):
        said = answer(HostLocal(), ours.replace(container=container))
        assert said == debians("host-local", theirs.replace(container=container))
        assert not said or written(tmp_path / "ours") == written(tmp_path / "theirs")
    HostLocal().delete(ours.replace(container="two"))
    debian.run("host-local", "DEL", theirs.replace(container="two"))
    assert leases(f"{tmp_path}/ours/blue") == leases(f"{tmp_path}/theirs/blue")


def test_lease_directory_and_files_have_the_same_modes(tmp_path: Path) -> None:
    for who in ("ours", "theirs"):
        call = the_call({"ipam": {"dataDir": str(tmp_path / who), **DUAL}})
        assert answer(HostLocal(), call) if who == "ours" else debians("host-local", call)

    modes = [{os.stat(tmp_path / who / "blue").st_mode} for who in ("ours", "theirs")]
    assert modes[0] == modes[1]
    assert written(tmp_path / "ours") == written(tmp_path / "theirs")
    assert written(tmp_path / "ours")["10.1.0.2"] == (b"one\r\neth0", 0o644)


def test_the_name_servers_of_a_file_are_the_same(tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "; nameserver 10.0.0.9\nnameserver 10.0.0.1\nnameserver  fd00::1 x\ndomain a.example\n"
        "search a.example\nsearch b.example\noptions ndots:2 rotate\noptions\n\tdomain b.example\n"
    )
    calls = [
        the_call({"ipam": {"dataDir": f"{tmp_path}/{who}", "resolvConf": str(conf), **V4}})
        for who in ("ours", "theirs")
    ]

    said = answer(HostLocal(), calls[0])
    assert said
    assert said["dns"]["nameservers"] == ["10.0.0.1", "fd00::1"]
    assert said == debians("host-local", calls[1])


WISHES: dict[str, dict[str, Any]] = {
    "args": {"args": {"cni": {"ips": ["10.1.0.7", "fd00::7"]}}},
    "runtimeConfig": {"runtimeConfig": {"ips": ["10.1.0.7/24", "fd00::7/64"]}},
    "ipRanges": {"runtimeConfig": {"ipRanges": [[{"subnet": "10.9.0.0/24"}]]}},
    "taken twice": {"args": {"cni": {"ips": ["10.1.0.7", "10.1.0.8"]}}},
    "elsewhere": {"args": {"cni": {"ips": ["10.77.0.1"]}}},
    "gateway": {"args": {"cni": {"ips": ["10.1.0.1"]}}},
    "nonsense": {"args": {"cni": {"ips": ["x"]}}},
}


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES.keys())
def test_host_local_grants_the_same_wishes(tmp_path: Path, wish: dict[str, Any]) -> None:
    ours, theirs = (
        the_call({**wish, "ipam": {"dataDir": f"{tmp_path}/{who}", **DUAL}})
        for who in ("ours", "theirs")
    )

    said = answer(HostLocal(), ours)
    assert said == debians("host-local", theirs)
    assert leases(f"{tmp_path}/ours/blue") == leases(f"{tmp_path}/theirs/blue")


FOUR = {"address": "10.1.0.5/24", "gateway": "10.1.0.1"}
SIX = {"address": "FD00:0::5/64", "gateway": "FD00::1"}
DNS = {"nameservers": ["10.1.0.1"], "domain": "a", "search": ["b", "c"], "options": ["d"]}
STATIC: dict[str, dict[str, Any]] = {
    "v4": {"ipam": {"addresses": [FOUR], "routes": [{"dst": "0.0.0.0/0"}], "dns": DNS}},
    "v6": {"ipam": {"addresses": [SIX], "routes": [{"dst": "::/0", "gw": "FD00::0:1"}]}},
    "dual": {"ipam": {"addresses": [FOUR, SIX], "routes": [{"dst": "10.7.0.9/8"}]}},
    "two of a family": {"ipam": {"addresses": [FOUR, FOUR]}},
    "no gateway": {"ipam": {"addresses": [{"address": "10.1.0.5/24"}]}},
    "no CIDR": {"ipam": {"addresses": [{"address": "10.1.0.5"}]}},
    "args": {"ipam": {"addresses": [FOUR]}, "args": {"cni": {"ips": ["10.1.0.11/24"]}}},
    "args, no CIDR": {"ipam": {}, "args": {"cni": {"ips": ["10.1.0.11"]}}},
    "runtimeConfig": {
        "ipam": {"addresses": [FOUR]},
        "args": {"cni": {"ips": ["10.1.0.11/24"]}},
        "runtimeConfig": {"ips": ["10.1.0.12/24"]},
    },
}


@pytest.mark.parametrize(
    "arguments",
    [
        "", "IP=10.1.0.9/24", "IP=10.1.0.9/24,fd00::9/64;GATEWAY=10.1.0.254,fd00::1",
        "IP=10.1.0.9/24;GATEWAY=10.9.0.1", "GATEWAY=10.1.0.254", "GATEWAY=x", "IP=10.1.0.9", "A=b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("fields", STATIC.values(), ids=STATIC.keys())
def test_static_answers_the_same(fields: dict[str, Any], version: str, arguments: str) -> None:
    call = the_call(fields, version, arguments)

    assert answer(Static(), call) == debians("static", call)


def test_leases_of_both_are_seen_by_both(tmp_path: Path) -> None:
    call = the_call({"ipam": {"dataDir": str(tmp_path), **V4}})
    directory = f"{tmp_path}/blue"

    HostLocal().add(call.replace(container="ours"))
    debian.run("host-local", "ADD", call.replace(container="theirs"))
    HostLocal().add(call.replace(container="ours2"))
    debian.run("host-local", "ADD", call.replace(container="theirs2"))
    assert leases(directory) == [
        Lease("10.1.0.2", "ours", "eth0"), Lease("10.1.0.3", "theirs", "eth0"),
        Lease("10.1.0.4", "ours2", "eth0"), Lease("10.1.0.5", "theirs2", "eth0"),
    ]  # fmt: skip

    assert debian.run("host-local", "CHECK", call.replace(container="ours")) is None
    HostLocal().check(call.replace(container="theirs"))
    HostLocal().delete(call.replace(container="theirs"))
    debian.run("host-local", "DEL", call.replace(container="ours"))
    assert [lease.container for lease in leases(directory)] == ["ours2", "theirs2"]


def test_ours_is_the_lowest_free_address_and_debians_the_one_after_the_last(
    tmp_path: Path,
) -> None:
    call = the_call({"ipam": {"dataDir": str(tmp_path), **V4}})
    for container in ("one", "two", "three"):
        HostLocal().add(call.replace(container=container))
    HostLocal().delete(call.replace(container="two"))

    said = debian.run("host-local", "ADD", call.replace(container="theirs"))
    assert said["ips"][0]["address"] == "10.1.0.5/24"
    assert HostLocal().add(call.replace(container="ours")).addresses[0].address == "10.1.0.3/24"
