"""A socket believes the kernel only, and only what it was asked; names are what they seem."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from rktpy.host import netns, syscalls
from rktpy.host.helper import Answer, Helper
from rktpy.host.netlink import addresses, links, routes, wire
from rktpy.host.netlink.channel import Netlink
from rktpy.host.netlink.links import New
from rktpy.host.netlink.routes import Route
from rktpy.host.netlink.wire import NetlinkError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def _directory() -> Iterator[None]:
    yield
    with contextlib.suppress(OSError):
        syscalls.umount2(netns.DIRECTORY, syscalls.MNT_DETACH)


def test_an_answer_that_comes_late_is_not_taken_for_the_next_one() -> None:
    with Netlink() as kernel:
        kernel._socket.sendto(links.named("lo").encode(7777), (0, 0))  # its asker gave up

        with pytest.raises(NetlinkError, match="nope"):
            kernel.link("nope")
        assert kernel.link("lo").name == "lo"


def test_what_another_process_sends_is_no_answer() -> None:
    with Netlink() as kernel, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as forger:
        port = kernel._socket.getsockname()[0]
        request = links.delete(9999).encode(1)[:16]
        good = struct.pack("=IHHIIi", 36, wire.ERROR, 0, 1, 0, 0) + request
        forger.sendto(good, (port, 0))

        with pytest.raises(NetlinkError, match="No such device"):
            kernel.perform(links.delete(9999))


def test_errors_have_hints() -> None:
    strange = links.bridge(New("b0"))
    strange = strange.replace(body=strange.body.replace(b"bridge", b"nobody"))

    def powerless() -> Answer:
        syscalls.keep_capabilities(0)
        with Netlink() as kernel:
            try:
                kernel.perform(links.bridge(New("b0")))
            except NetlinkError as error:
                return Answer(facts={"hint": error.hint or ""})
        return Answer()

    with Netlink() as kernel, pytest.raises(NetlinkError) as refused:
        kernel.perform(strange)
    assert "modprobe" in (refused.value.hint or "")
    assert Helper(powerless).wait().facts == {"hint": "try as root"}


def test_routes_are_read_back_as_they_were_made_and_made_once() -> None:
    with Netlink() as kernel:
        kernel.perform(links.bridge(New("b0", up=True)))
        index = kernel.link("b0").index
        try:
            kernel.perform(
                addresses.add(index, "10.1.0.1", 24), addresses.add(index, "fd00::1", 64)
            )
            far = Route("10.9.0.0", 16, index, "10.1.0.9", table=300, priority=5)
            host = Route("10.8.0.1", 32, index, scope=routes.HOST_SCOPE)
            six = Route("fd01::", 48, index, "fd00::9", priority=1024, ipv6=True)
            kernel.perform(*map(routes.add, (far, host, six)))
            found = kernel.routes() + kernel.routes(ipv6=True)
            for route in (far, host, six):
                assert route in found
                with pytest.raises(NetlinkError, match="File exists"):
                    kernel.perform(routes.add(route))
            assert kernel.route("10.8.0.1").link == index
            kernel.perform(routes.delete(far))
            assert far not in kernel.routes()
            assert "fd00::1" in {one.address for one in kernel.addresses()}
        finally:
            kernel.perform(links.delete(index))


@pytest.mark.usefixtures("_directory")
def test_a_link_in_the_directory_of_names_is_not_followed() -> None:
    netns.make("whole")
    os.symlink(netns.path("whole"), netns.path("link"))

    with pytest.raises(netns.NetnsError, match="cannot open"):
        netns.enter("link")
    netns.remove("link")
    assert netns.names() == ("whole",)
    netns.remove("whole")


@pytest.mark.usefixtures("_directory")
def test_a_name_that_was_bound_twice_goes_whole() -> None:
    netns.make("twice")
    syscalls.mount("/proc/self/ns/net", netns.path("twice"), "none", syscalls.MS_BIND)

    netns.remove("twice")

    assert netns.names() == ()
