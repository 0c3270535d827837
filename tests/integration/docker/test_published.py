"""Redis and nginx from Debian in networks of their own, behind published ports of the host."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.docker.pulling import HOST
from tests.integration.run.netted import Netted, forget_bridges, host_local, nothing_remains
from tests.support.uplink import HOST4, HOST6, Uplink, answers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.docker.pulling import Puller
    from tests.integration.run.rk import Running

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("debian")]

REDIS, NGINX = f"docker://{HOST}/redis:open", f"docker://{HOST}/nginx:open"
KINDS = ("ptp", "bridge")


class Trusting(Netted):
    insecure = "image,http"


@pytest.fixture
def net(rkt: Puller, tmp_path: Path) -> Iterator[Trusting]:
    """rktpy with dual-stack networks, on a host with an address of each family."""
    with Uplink():
        found = Trusting(rkt.data, tmp_path)
        ipam = host_local("10.78.0.0/24", "fd78::/64", routes=["0.0.0.0/0", "::/0"])
        for kind in KINDS:
            bridge: dict[str, Any] = {"bridge": "rkt0", "isGateway": True}
            more = bridge if kind == "bridge" else {}
            found.configure(kind, cniVersion="1.0.0", type=kind, ipMasq=True, ipam=ipam, **more)
        yield found
        assert found.collect().status == 0
        assert nothing_remains()
        forget_bridges()


def redis(host: str, *words: str, port: int = 7000) -> str:
    """Return what a redis answers, nothing while there is none."""
    argv = ["redis-cli", "-h", host, "-p", str(port), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def started(net: Netted, *words: str) -> Running:
    return net.start("run", *words)


@pytest.mark.parametrize("kind", KINDS)
def test_redis_is_reached_by_every_address_of_the_host(net: Trusting, kind: str) -> None:
    with started(net, f"--net={kind}", "--port=6379-tcp:7000", REDIS) as pod:
        pod.until(lambda: redis("127.0.0.1", "ping") == "PONG", "answer of redis")
        assert redis("127.0.0.1", "set", "key", "value") == "OK"
        assert [redis(host, "get", "key") for host in (HOST4, HOST6)] == ["value", "value"]
        for address in net.addresses(pod.uuid):
            assert redis(address, "get", "key", port=6379) == "value"
        net.ok("stop", pod.uuid)
        assert pod.end().status == 0


@pytest.mark.parametrize("kind", KINDS)
def test_nginx_is_reached_by_every_address_of_the_host(net: Trusting, kind: str) -> None:
    with started(net, f"--net={kind}", "--port=8080-tcp:80", NGINX) as pod:
        for host in ("127.0.0.1", HOST4, f"[{HOST6}]"):
            assert answers(f"http://{host}/", pod) == "It works."
        net.ok("stop", pod.uuid)
        assert pod.end().status == 0


def test_one_pod_talks_to_the_server_of_another(net: Trusting) -> None:
    """By its address, and by the port that the host publishes."""
    with started(net, "--net=ptp", "--port=6379-tcp:7000", REDIS) as server:
        server.until(lambda: redis("127.0.0.1", "ping") == "PONG", "answer of redis")
        address = net.addresses(server.uuid)[0]
        with started(net, "--net=ptp", REDIS) as client:
            client.ready()
            for host, port in ((address, "6379"), (HOST4, "7000")):
                words = ("/usr/bin/redis-cli", "-h", host, "-p", port, "ping")
                assert net.ok("enter", client.uuid, *words).strip() == "PONG"
            net.ok("stop", client.uuid)
        net.ok("stop", server.uuid)
