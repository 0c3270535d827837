"""The example of rkt's documents: redis in a network of its own, which a connection starts.

Changed: the image comes from a registry on the host, which is why it has a tag; and the network has
the name by which the unit calls it: there the file says ``ptp0`` and the unit ``ptp``. Source:
"Socket-proxyd" in rkt's Documentation/using-rkt-with-systemd.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.registry_on_host import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods

NETWORK = """\
{
    "name": "ptp",
    "type": "ptp",
    "ipMasq": true,
    "ipam": {
        "type": "host-local",
        "subnet": "172.16.28.0/24",
        "routes": [
            { "dst": "0.0.0.0/0" }
        ]
    }
}
"""
IMAGE = f"docker://{REGISTRY}/redis:open"
UNITS = {
    "rkt-redis.service": f"""\
[Unit]
Description=Socket-proxyd redis server

[Service]
ExecStart=/usr/bin/rkt --insecure-options=image run --net="ptp:IP=172.16.28.101" {IMAGE}
KillMode=process
""",
    "proxy-to-rkt-redis.service": """\
[Unit]
Requires=rkt-redis.service
After=rkt-redis.service

[Service]
ExecStart=/usr/lib/systemd/systemd-socket-proxyd 172.16.28.101:6379
""",
    "proxy-to-rkt-redis.socket": """\
[Socket]
ListenStream=6371

[Install]
WantedBy=sockets.target
""",
}
CONF, PLACE = "/etc/rkt/net.d/ptp0.conf", "/etc/systemd/system"
PONG = "redis-cli -h localhost -p 6371 ping 2>&1 | grep -x PONG"


@pytest.fixture
def example(pods: Pods, registry: str) -> Iterator[Pods]:
    """A host with the files of the example."""
    del registry
    host = pods.host
    host.sh("mkdir -p /etc/rkt/net.d")
    host.write(CONF, NETWORK)
    for name, text in UNITS.items():
        host.write(f"{PLACE}/{name}", text)
    host.run(["systemctl", "daemon-reload"])
    yield pods
    host.sh(
        f"systemctl disable --now {' '.join(reversed(UNITS))} 2>&1;"
        f" cd {PLACE}; rm {' '.join(UNITS)}; rm {CONF}; systemctl daemon-reload",
        timeout=120,
    )


def test_a_connection_to_the_host_starts_redis_in_its_network(example: Pods) -> None:
    host = example.host
    host.run(["systemctl", "enable", "proxy-to-rkt-redis.socket"])
    host.run(["systemctl", "start", "proxy-to-rkt-redis.socket"])
    before = example.states()
    # The proxy does not wait for redis itself: the first answers come when that listens.
    host.wait_until(PONG, timeout=60)
    host.sh("redis-cli -h localhost -p 6371 set key value")
    direct = host.sh("redis-cli -h 172.16.28.101 get key").stdout

    assert before == {}
    assert direct == "value\n"
    assert list(example.states().values()) == ["running"]
    listed = example.rktpy("list", "--no-legend")
    assert "ptp:ip4=172.16.28.101" in listed
    assert example.properties("rkt-redis.service", "ActiveState")["ActiveState"] == "active"
    stop = ["systemctl", "stop", *reversed(UNITS)]
    host.run(stop, timeout=60)
    host.wait_until("rktpy list --no-legend | grep exited")
