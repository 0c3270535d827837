"""Published ports and the app's ports behind them."""

from __future__ import annotations

import pytest

from rktpy.appc.app import App, Port
from rktpy.appc.pod import ExposedPort, PodManifest, RuntimeApp, RuntimeImage
from rktpy.pod.before.ports import PortError, PortMapping, is_address, map_ports


def pod(*exposed: ExposedPort, apps: tuple[tuple[Port, ...], ...]) -> PodManifest:
    runtime = [
        RuntimeApp(
            name=f"app{number}",
            image=RuntimeImage(id=None),
            app=App(exec=("/x",), user="0", group="0", ports=ports),
        )
        for number, ports in enumerate(apps)
    ]
    return PodManifest("0.8.11", apps=tuple(runtime), ports=exposed)


HTTP = Port("http", "tcp", 80)
DNS = Port("dns", "udp", 80)
OTHER = Port("other", "tcp", 81, socket_activated=True)


def test_a_published_port_leads_to_the_apps_port_of_its_name() -> None:
    manifest = pod(
        ExposedPort("http", 8080, "10.0.0.1"), ExposedPort("other", 81), apps=((HTTP,), (OTHER,))
    )

    assert map_ports(manifest) == (
        PortMapping("http", "tcp", "10.0.0.1", 8080, 80),
        PortMapping("other", "tcp", "", 81, 81, socket_activated=True),
    )


def test_a_port_written_into_the_manifest_needs_no_app() -> None:
    found = map_ports(pod(ExposedPort("x", 1, pod_port=Port("x", "udp", 53)), apps=()))

    assert found == (PortMapping("x", "udp", "", 1, 53),)


def test_one_number_serves_two_protocols_and_two_addresses() -> None:
    manifest = pod(
        ExposedPort("http", 80, "10.0.0.1"),
        ExposedPort("other", 80, "10.0.0.2"),
        ExposedPort("dns", 80),
        apps=((HTTP, OTHER, DNS),),
    )

    assert len(map_ports(manifest)) == 3


def test_the_last_port_ends_a_range_and_families_are_apart() -> None:
    apps = ((Port("rtp", "tcp", 1, 6), OTHER),)
    exposed = (
        ExposedPort("rtp", 65530, "::"),
        ExposedPort("other", 65530, "0.0.0.0"),  # noqa: S104 - text
        ExposedPort("other", 65529),
    )

    assert len(map_ports(pod(*exposed, apps=apps))) == 3


def test_ranges_and_sources_come_along() -> None:
    apps = ((Port("rtp", "udp", 8000, 11),),)
    manifest = pod(ExposedPort("rtp", 9000, sources=("10.0.0.0/8",)), apps=apps)

    assert map_ports(manifest) == (
        PortMapping("rtp", "udp", "", 9000, 8000, count=11, sources=("10.0.0.0/8",)),
    )


@pytest.mark.parametrize(
    ("exposed", "apps", "text"),
    [
        (
            [ExposedPort("http", 80)],
            ((OTHER,),),
            'port name "http" could not be found in any apps',
        ),
        ([ExposedPort("http", 80)], ((HTTP,), (HTTP,)), 'port name "http" defined multiple apps'),
        (
            [ExposedPort("http", 8080), ExposedPort("other", 8080)],
            ((HTTP, OTHER),),
            "port tcp-0.0.0.0:8080 already mapped to pod port 80",
        ),
        (
            [ExposedPort("http", 8080, "1.2.3.4"), ExposedPort("other", 8080, "1.2.3.4")],
            ((HTTP, OTHER),),
            "port tcp-1.2.3.4:8080 already mapped to pod port 80",
        ),
        (
            [ExposedPort("http", 8080), ExposedPort("other", 8080, "1.2.3.4")],
            ((HTTP, OTHER),),
            "port tcp-1.2.3.4:8080 already mapped to pod port 80",
        ),
        (
            [ExposedPort("rtp", 8000), ExposedPort("other", 8010)],
            ((Port("rtp", "tcp", 1, 11), OTHER),),
            "port tcp-0.0.0.0:8010 already mapped to pod port 1",
        ),
        (
            [ExposedPort("other", 8010, "::1"), ExposedPort("rtp", 8000, "::")],
            ((Port("rtp", "tcp", 1, 11), OTHER),),
            "port tcp-[::]:8000 already mapped to pod port 81",
        ),
        (
            [ExposedPort("rtp", 65530)],
            ((Port("rtp", "tcp", 1, 7),),),
            'port name "rtp" has 7 ports: from 65530 on there are fewer',
        ),
    ],
)
def test_ports_that_fit_no_app_or_each_other_are_refused(
    exposed: list[ExposedPort], apps: tuple[tuple[Port, ...], ...], text: str
) -> None:
    with pytest.raises(PortError) as caught:
        map_ports(pod(*exposed, apps=apps))

    assert caught.value.message == text


@pytest.mark.parametrize("text", ["1.2.3.4", "::1", "fe80::1"])
def test_addresses_are_recognised(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4.5", "host", "1.2.3.4\0", "256.1.1.1"])
def test_other_texts_are_no_addresses(text: str) -> None:
    assert not is_address(text)
