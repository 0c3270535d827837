"""The kernel does what requests say; ``ip`` and pyroute2 see the same; names come and go whole."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from pyroute2 import IPRoute

from rktpy.host import netns, syscalls
from rktpy.host.helper import Answer
from rktpy.host.netlink import addresses, links, routes
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.links import New
from rktpy.host.netlink.routes import Route
from rktpy.host.netlink.wire import NetlinkError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAC = bytes.fromhex("0a580a010203")


def ip(*words: str) -> Any:
    return json.loads(subprocess.check_output(["ip", "-j", *words]))


def there(name: str, work: list[str]) -> Any:
    return ip("-n", name, *work)


@pytest.fixture(autouse=True)
def _directory_goes() -> Iterator[None]:
    """The mount of the directory stays, as that of ``ip netns`` does; here it goes after a test."""
    yield
    with contextlib.suppress(OSError):  # a test that made none
        syscalls.umount2(netns.DIRECTORY, syscalls.MNT_DETACH)


def test_a_pair_a_bridge_addresses_and_routes_are_what_ip_and_pyroute2_see() -> None:
    name = netns.new_name()
    netns.make(name)
    fd = netns.open_file(name)
    try:
        with Netlink() as kernel:
            kernel.perform(
                links.bridge(New("br0", up=True)),
                links.veth(New("v0", 1400, up=True), New("eth0", 1400, MAC, fd)),
            )
            bridge = kernel.link("br0")
            kernel.perform(
                links.change(kernel.link("v0").index, master=bridge.index),
                addresses.add(bridge.index, "10.1.2.1", 24),
                links.macvlan(New("m0", namespace=fd), bridge.index),
            )
            assert kernel.link("v0").master == bridge.index
            told = {(a.index, a.address, a.prefix) for a in kernel.addresses()}
            assert (bridge.index, "10.1.2.1", 24) in told
            with IPRoute() as oracle:
                assert {link.get("ifname") for link in oracle.get_links()} == {
                    link.name for link in kernel.links()
                }

        def work() -> Answer:
            with Netlink() as inner:
                index = inner.link("eth0").index
                inner.perform(
                    links.change(index, up=True),
                    addresses.add(index, "10.1.2.3", 24),
                    addresses.add(index, "fd00::3", 64),
                    routes.add(Route("", 0, index, "10.1.2.1")),
                    routes.add(Route("fd01::", 48, index, "fd00::1")),
                )
                assert inner.link("m0").mode == "bridge"
                gateways = {r.gateway for ipv6 in (False, True) for r in inner.routes(ipv6=ipv6)}
                return Answer(facts={"gateways": " ".join(sorted(gateways))})

        assert netns.inside(name, work).facts["gateways"].split() == ["10.1.2.1", "fd00::1"]
        [eth0] = there(name, ["address", "show", "dev", "eth0"])
        assert (eth0["mtu"], eth0["address"]) == (1400, "0a:58:0a:01:02:03")
        assert {"10.1.2.3", "fd00::3"} <= {a["local"] for a in eth0["addr_info"]}
        assert not any(a.get("tentative") for a in eth0["addr_info"] if a["local"] == "fd00::3")
        [default] = there(name, ["route", "show", "default"])
        assert (default["gateway"], default["dev"]) == ("10.1.2.1", "eth0")
    finally:
        os.close(fd)
        netns.remove(name)
        with Netlink() as kernel:
            kernel.perform(links.delete(kernel.link("br0").index))


def test_errors_say_what_failed_and_the_kernels_reason() -> None:
    with Netlink() as kernel:
        with pytest.raises(NetlinkError, match="find the link 'nope'") as missing:
            kernel.link("nope")
        with pytest.raises(NetlinkError, match="Device not found"):
            kernel.perform(addresses.add(9999, "10.1.1.1", 24))
        kernel.perform(links.bridge(New("br0")))  # the socket is as good as before
        kernel.perform(links.delete(kernel.link("br0").index))
    assert missing.value.number == 19


def test_a_namespace_has_lo_up_and_goes_with_its_name() -> None:
    name = netns.new_name()
    before = os.stat("/proc/self/ns/net").st_ino
    netns.make(name)
    try:
        assert os.stat("/proc/self/ns/net").st_ino == before
        assert os.stat(netns.path(name)).st_ino != before
        [lo] = there(name, ["link", "show", "dev", "lo"])
        assert "UP" in lo["flags"]
        with pytest.raises(netns.NetnsError, match="already"):
            netns.make(name)
        assert netns.names() == (name,)
    finally:
        netns.remove(name)
    netns.remove(name)
    assert netns.names() == ()


def test_what_a_kill_leaves_is_refused_and_removed() -> None:
    netns.make("whole")  # the directory is there
    netns.remove("whole")
    with open(netns.path("half"), "x"):
        pass

    with pytest.raises(netns.NetnsError, match="not a network namespace"):
        netns.enter("half")
    netns.remove("half")
    assert netns.names() == ()


def _mounts_of_directory() -> int:
    """Return how many there are, the machine's own included, which ours hides."""
    with open("/proc/self/mountinfo") as table:
        return [line.split()[4] for line in table].count(netns.DIRECTORY)


def test_fifty_namespaces_at_once_share_one_directory_mount() -> None:
    before = _mounts_of_directory()
    known = [netns.new_name() for _ in range(50)]
    children = []
    for name in known:
        pid = os.fork()
        if pid == 0:
            try:
                netns.make(name)
                os._exit(0)
            finally:
                os._exit(1)
        children.append(pid)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    try:
        assert statuses == [0] * 50
        assert netns.names() == tuple(sorted(known))
        inodes = {os.stat(netns.path(name)).st_ino for name in known}
        assert len(inodes) == 50
        assert _mounts_of_directory() == before + 1
    finally:
        for name in known:
            netns.remove(name)
