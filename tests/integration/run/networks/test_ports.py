"""Published ports with real pods: who reaches them, and what of them is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.run.images import shell_aci
from tests.integration.run.netted import SERVE, host_local, nothing_remains, remains
from tests.support.uplink import answers, get
from tests.support.wires import HOST4, HOST6

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.run.netted import Netted
    from tests.integration.run.rk import Running

WEB = "example.com/web"  # the shell image with a port
PORT = 8080
BRIDGED = "/proc/sys/net/bridge/bridge-nf-call-ip6tables"  # of this namespace
DUAL = host_local("10.78.0.0/24", "fd78::/64", routes=["0.0.0.0/0", "::/0"])
KINDS: dict[str, dict[str, Any]] = {
    "ptp": {"type": "ptp", "ipMasq": True},
    # hairpinMode: where br_netfilter is loaded a pod that asks itself needs it.
    "bridge": {
        "type": "bridge", "bridge": "rkt0", "isGateway": True, "ipMasq": True, "hairpinMode": True
    },
}  # fmt: skip


@pytest.fixture
def web(net: Netted, tmp_path: Path, images_go: None) -> Iterator[Netted]:
    """rktpy with an image that has a port, and dual-stack networks, one of each kind."""
    del images_go
    port = {"name": "http", "protocol": "tcp", "port": 80, "count": 1, "socketActivated": False}
    net.ok("fetch", shell_aci(tmp_path / "web.aci", WEB, app={"ports": [port]}))
    for kind, fields in KINDS.items():
        net.configure(kind, cniVersion="1.0.0", ipam=DUAL, **fields)
    yield net
    assert net.collect().status == 0


def serving(net: Netted, *options: str) -> Running:
    return net.start("run", *options, WEB, "--", SERVE.format(port=80))


def outside(address: str) -> str:
    """Return what the machine at the other end of the cable is answered."""
    script = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 10 {address} {PORT}"
    argv = ["ip", "netns", "exec", "outside", "/bin/sh", "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.partition("\n\n")[2].strip()


@pytest.mark.parametrize("kind", KINDS)
def test_a_published_port_answers_the_host_loopback_pods_and_outside(
    web: Netted, kind: str
) -> None:
    if os.path.exists(BRIDGED):  # then ::1 leads nowhere by a bridge: rktpy.net.firewall.loopback
        Path(BRIDGED).write_text("0\n", encoding="ascii")
    with serving(web, f"--net={kind}", f"--port=http:{PORT}") as pod:
        name = f"rkt-{pod.ready()}"
        for address in ("127.0.0.1", "[::1]", HOST4, f"[{HOST6}]"):
            assert answers(f"http://{address}:{PORT}", pod) == name, address
        assert [outside(address) for address in (HOST4, HOST6)] == [name, name]
        with web.serve(f"--net={kind}") as other:
            uuid = other.ready()
            assert web.ask(uuid, HOST4, PORT) == name
            assert web.ask(uuid, HOST6, PORT) == name
        # and itself, by the host's address
        assert web.ask(pod.uuid, HOST4, PORT) == name
    assert web.collect().status == 0
    assert nothing_remains()


def test_a_prepared_pod_publishes_the_ports_it_was_prepared_with(web: Netted) -> None:
    uuid = web.prepare(f"--port=http:{PORT}", WEB, "--", SERVE.format(port=80))

    with web.start("run-prepared", uuid) as pod:
        pod.ready()
        assert answers(f"http://127.0.0.1:{PORT}", pod) == f"rkt-{uuid}"


def test_a_pod_in_a_user_namespace_publishes_ports(web: Netted) -> None:
    options = ("--private-users", "--net=ptp", f"--port=http:{PORT}")
    with serving(web, *options) as pod:
        uuid = pod.ready()
        for address in ("127.0.0.1", "[::1]", HOST4):
            assert answers(f"http://{address}:{PORT}", pod) == f"rkt-{uuid}", address
    assert web.collect().status == 0
    assert nothing_remains()


def test_a_port_of_a_running_pod_is_refused_to_the_next_which_leaves_nothing(web: Netted) -> None:
    with serving(web, f"--port=http:{PORT}") as pod:
        uuid = pod.ready()
        before = sorted(remains())
        refused = web.run(f"--port=http:{PORT}", WEB, "--", "true")
        assert refused.status == 254
        assert f"{PORT} is published by pod {uuid}" in refused.err
        assert sorted(remains()) == before
        assert [name for name in web.pods() if uuid not in name] == []
        assert answers(f"http://127.0.0.1:{PORT}", pod) == f"rkt-{uuid}"


def test_the_port_of_a_pod_that_ended_is_the_next_ones(web: Netted) -> None:
    """Without a gc between them: what the first has left must not win."""
    words = (f"--port=http:{PORT}",)
    with serving(web, *words) as first:
        answers(f"http://127.0.0.1:{PORT}", first)
        web.ok("stop", "--force", first.uuid)
        first.end()
        with serving(web, *words) as second:
            uuid = second.ready()
            assert answers(f"http://127.0.0.1:{PORT}", second) == f"rkt-{uuid}"
            web.ok("rm", first.uuid)
            assert get(f"http://127.0.0.1:{PORT}") == f"rkt-{uuid}"


@pytest.mark.parametrize("command", [("gc",), ("network", "reload")])
def test_ports_whose_rules_somebody_flushed_answer_again(
    web: Netted, command: tuple[str, ...]
) -> None:
    with serving(web, "--net=ptp", f"--port=http:{PORT}") as pod:
        name = f"rkt-{pod.ready()}"
        addresses = ("127.0.0.1", "[::1]", HOST4, f"[{HOST6}]")
        assert answers(f"http://127.0.0.1:{PORT}", pod) == name
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        with pytest.raises(ConnectionRefusedError):
            get(f"http://127.0.0.1:{PORT}")
        web.ok(*command)
        assert [get(f"http://{address}:{PORT}") for address in addresses] == [name] * 4
