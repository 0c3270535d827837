"""Which app gets which of the host's sockets."""

from __future__ import annotations

import pytest

from rktpy.appc.app import Port
from rktpy.pod.before.activation import ActivationError, Handout, Wanted, hand_out, wanted_ports
from rktpy.pod.before.ports import PortMapping
from rktpy.systemd.listenfds import Inherited

LINE = Wanted("web", "line", "tcp", 80)


def tcp(host: str, port: int, name: str = "x.socket") -> Inherited:
    text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return Inherited(name, text, "ListenStream", text, "tcp", host, port)


def unix(name: str) -> Inherited:
    return Inherited(name, "/run/x", "ListenStream", "/run/x")


def given(handout: Handout) -> dict[str, list[str]]:
    return {app: [one.text for one in sockets] for app, sockets in handout.given.items()}


def test_ports_are_wanted_where_they_are_published() -> None:
    ports = (Port("a", "tcp", 1, 2, socket_activated=True), Port("b", "tcp", 9),
             Port("c", "udp", 5, socket_activated=True))  # fmt: skip
    mapping = PortMapping("a", "tcp", "127.0.0.1", 8000, 1)

    assert wanted_ports({"web": ports}, [mapping]) == (
        Wanted("web", "a", "tcp", 8000, 2, "127.0.0.1", published=True),
        Wanted("web", "c", "udp", 5),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::1", "192.0.2.1"])  # noqa: S104
def test_the_number_decides_whatever_the_address(host: str) -> None:
    assert list(given(hand_out(["web"], [LINE], [tcp(host, 80)]))) == ["web"]


def test_the_name_of_a_port_wins_over_numbers() -> None:
    ports = [LINE, Wanted("db", "query", "tcp", 81)]
    handout = hand_out(["web", "db"], ports, [tcp("::", 80, "query"), tcp("::", 81, "line")])

    assert given(handout) == {"db": ["[::]:80"], "web": ["[::]:81"]}
    assert handout.opened == {}
    assert list(handout.warnings) == []


def test_the_name_of_an_app_needs_no_port_and_leaves_none_to_be_opened() -> None:
    handout = hand_out(["web"], [LINE], [unix("web")])

    assert given(handout) == {"web": ["/run/x"]}
    assert (handout.opened, list(handout.warnings)) == ({}, [])


def test_what_nobody_wants_is_told_and_so_is_what_the_pod_opens_instead() -> None:
    handout = hand_out(["web"], [LINE.replace(count=3)], [tcp("::1", 8080), tcp("::", 81)])

    assert handout.opened == {"web": [("tcp", 80), ("tcp", 82)]}
    assert list(handout.warnings) == [
        'warning: socket [::1]:8080, called "x.socket", reaches no app: no socket-activated port'
        " has its number or name",
        'warning: no --port option for socket-activated port "line", assuming port 80 as'
        " specified in the manifest",
        'warning: no socket was handed over for port "line" of app web: the pod itself listens on'
        " tcp 80 and 1 more",
    ]


def test_without_any_socket_the_pod_listens_and_only_a_missing_port_option_is_told() -> None:
    handout = hand_out(["web"], [LINE.replace(published=True)], [])

    assert handout == Handout({}, {"web": [("tcp", 80)]}, [])


def test_addresses_tell_ports_with_one_number_apart() -> None:
    hosts = {"a": "127.0.0.1", "b": "127.0.0.2", "c": ""}
    ports = [Wanted(app, f"of-{app}", "tcp", 80, host_ip=host) for app, host in hosts.items()]
    handout = hand_out("abc", ports, [tcp("127.0.0.2", 80), tcp("127.0.0.1", 80)])

    assert given(handout) == {"b": ["127.0.0.2:80"], "a": ["127.0.0.1:80"]}


def test_a_socket_for_two_apps_is_refused() -> None:
    ports = [LINE, Wanted("db", "line", "tcp", 80)]
    for socket in (tcp("::", 80), unix("line")):
        with pytest.raises(ActivationError, match="could be for the apps web, db"):
            hand_out(["web", "db"], ports, [socket])


def test_what_has_no_address_cannot_be_handed_over() -> None:
    with pytest.raises(ActivationError, match='a FIFO, called "line", cannot be handed to app web'):
        hand_out(["web"], [LINE], [Inherited("line", "a FIFO")])
    stray = hand_out(["web"], [], [Inherited("other", "a FIFO")])
    assert "socket a FIFO" in stray.warnings[0]


def test_a_port_of_another_protocol_needs_a_socket_of_its_name() -> None:
    port = LINE.replace(protocol="unix")

    assert given(hand_out(["web"], [port], [unix("line")])) == {"web": ["/run/x"]}
    with pytest.raises(ActivationError, match="unrecognized protocol: unix"):
        hand_out(["web"], [port], [])
