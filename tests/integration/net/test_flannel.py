"""flannel and the program that does the work for it: who is told what, and what is kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.codec import compact, parse
from rktpy.net import chain
from rktpy.net.plugins.flannel import Flannel
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
IPAM = {"type": "host-local", "subnet": "10.1.17.0/24", "routes": [{"dst": "10.1.0.0/16"}]}
RESULT = Result(addresses=(Address("10.1.17.2/24"),))


def daemon_writes(directory: Path) -> None:
    (directory / "subnet.env").write_text(ENV)


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
    daemon_writes(tmp_path)

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
    daemon_writes(tmp_path)
    find = finder(tmp_path)
    script(tmp_path, "bridge", "[ $CNI_COMMAND = DEL ] || exit 3")

    with pytest.raises(chain.ChainError, match="status 3"):
        chain.add(attachment(network(tmp_path)), find)

    assert os.listdir(tmp_path / "data") == []


def test_what_could_not_be_undone_is_kept_for_the_next_time(tmp_path: Path) -> None:
    daemon_writes(tmp_path)
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
    daemon_writes(tmp_path)
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
