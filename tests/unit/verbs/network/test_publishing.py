"""A pod manifest's ports as the network room wants them."""

from __future__ import annotations

import pytest

from rktpy.appc.app import App, Port
from rktpy.appc.pod import ExposedPort, PodManifest, RuntimeApp, RuntimeImage
from rktpy.appc.types import ImageID
from rktpy.net.rules import Published
from rktpy.pod.before.ports import PortError
from rktpy.verbs.network.publishing import published


def pod(port: Port, *exposed: ExposedPort) -> PodManifest:
    app = App(("/bin/x",), "0", "0", ports=(port,))
    image = RuntimeImage(ImageID("sha512", "ab" * 64))
    return PodManifest("0.8.11", (RuntimeApp("x", image, app),), ports=exposed)


def test_a_port_comes_with_its_range_its_sources_and_its_name() -> None:
    exposed = ExposedPort("dns", 5300, "192.0.2.1", sources=("10.0.0.0/8",))

    assert published(pod(Port("dns", "udp", 53, 3), exposed)) == (
        Published("udp", 5300, 53, "192.0.2.1", 3, ("10.0.0.0/8",), "dns"),
    )


def test_a_port_that_systemd_listens_on_is_not_published() -> None:
    assert published(pod(Port("a", "tcp", 1, socket_activated=True), ExposedPort("a", 2))) == ()


def test_no_protocol_is_tcp() -> None:
    assert [one.protocol for one in published(pod(Port("a", "", 1), ExposedPort("a", 2)))] == [
        "tcp"
    ]


def test_a_protocol_without_ports_is_refused() -> None:
    with pytest.raises(PortError) as caught:
        published(pod(Port("a", "icmp", 1), ExposedPort("a", 2)))

    assert 'port "a" cannot be published: its protocol is "icmp"' in caught.value.message
