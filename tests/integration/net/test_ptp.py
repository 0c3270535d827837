"""``ptp`` with real links: the pod and its host reach each other."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.host import netns
from rktpy.net.call import Call
from rktpy.net.ipam.host_local import HostLocal
from rktpy.net.plugins.ptp import Ptp

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
V4 = [{"subnet": "10.77.0.0/24"}]
V6 = [{"subnet": "fd77::/64"}]


@pytest.fixture
def pod() -> Iterator[str]:
    name = f"cni-{UUID}"
    netns.make(name)
    yield name
    netns.remove(name)


def call(pod: str, *ranges: Any, **more: Any) -> Call:
    routes = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    ipam = {"type": "host-local", "ranges": list(ranges), "routes": routes[: len(ranges)]}
    fields = {"type": "ptp", "ipam": ipam, **more}
    return Call(UUID, f"/run/netns/{pod}", "eth0", "", "n", "1.0.0", fields)


def ip(pod: str, *words: str) -> Any:
    argv = ["ip", "-j", *(["-n", pod] if pod else []), *words]
    return json.loads(subprocess.run(argv, capture_output=True, check=True).stdout or "[]")


def test_host_and_pod_reach_each_other(pod: str) -> None:
    plugin = Ptp(lambda kind: HostLocal())
    one = call(pod, V4, V6, mtu=1400)

    result = plugin.add(one)

    assert [a.address for a in result.addresses] == ["10.77.0.2/24", "fd77::2/64"]
    assert [ip(pod, "link", "show", "eth0")[0][key] for key in ("mtu", "operstate")] == [1400, "UP"]
    for address in ("10.77.0.2", "fd77::2"):
        with pytest.raises(ConnectionRefusedError):  # by the pod, where nobody listens
            socket.create_connection((address, 9), timeout=10)
    assert [route["gateway"] for route in ip(pod, "route", "show", "default")] == ["10.77.0.1"]
    plugin.check(one.replace(previous=result))
    plugin.delete(one)
