"""``bandwidth``: what a pod sends and is sent takes its time."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.net.plugins.bandwidth import Bandwidth
from rktpy.net.plugins.macvlan import Macvlan
from rktpy.net.plugins.ptp import Ptp
from tests.integration.net.plugins.world import V4, call_of, fields, host_local

if TYPE_CHECKING:
    from rktpy.net.result import Result

RATE, BURST, BYTES = 8_000_000, 400_000, 2_000_000  # bits a second, bits, bytes
HOST, POD = "10.77.0.1", "10.77.0.2"


def limit(**values: int) -> dict[str, Any]:
    return {"type": "bandwidth", **values}


@pytest.fixture
def joined(pod: str) -> tuple[str, Result]:
    """The pod behind a pair of links, and what that led to."""
    return pod, Ptp(host_local).add(call_of(fields("ptp", V4), "1.0.0", pod))


def shaped(joined: tuple[str, Result], **values: int) -> None:
    pod, result = joined
    call = call_of(limit(**values), "1.0.0", pod).replace(previous=result)
    assert Bandwidth().add(call) == result
    Bandwidth().check(call)


def seconds(pod: str, *, to_pod: bool) -> float:
    """Send ``BYTES`` one way and return how long they were under way."""
    with netns.within(f"/run/netns/{pod}"):
        server = socket.create_server((POD, 0))
    with server, socket.create_connection(server.getsockname()) as here:
        there, _ = server.accept()
        with there:
            source, sink = (here, there) if to_pod else (there, here)
            began = time.monotonic()
            sender = threading.Thread(target=lambda: source.sendall(bytes(BYTES)))
            sender.start()
            left = BYTES
            while left:
                left -= len(sink.recv(1 << 16))
            sender.join()
            return time.monotonic() - began


@pytest.mark.parametrize("to_pod", [True, False])
def test_bytes_take_the_time_they_are_given(joined: tuple[str, Result], to_pod: bool) -> None:  # noqa: FBT001
    shaped(joined, **{f"{'ingress' if to_pod else 'egress'}{key}": value
                      for key, value in (("Rate", RATE), ("Burst", BURST))})  # fmt: skip

    assert seconds(joined[0], to_pod=to_pod) > 1  # 2 s, less what passes at once


def test_tc_says_the_same(joined: tuple[str, Result]) -> None:
    shaped(joined, ingressRate=RATE, ingressBurst=BURST, egressRate=2 * RATE, egressBurst=BURST)

    for words, name, rate in (([], "veth", RATE), (["-n", joined[0]], "eth0", 2 * RATE)):
        found = json.loads(subprocess.check_output(["tc", "-j", *words, "qdisc", "show"]))
        (bucket,) = [one for one in found if one["kind"] == "tbf"]
        assert bucket["dev"].startswith(name)
        assert bucket["root"]
        assert bucket["options"]["rate"] == rate // 8
        assert BURST // 8 * 0.99 <= bucket["options"]["burst"] <= BURST // 8
        assert 24_000 <= bucket["options"]["lat"] <= 26_000


def test_limits_can_be_set_anew_and_a_lost_one_is_noticed(joined: tuple[str, Result]) -> None:
    shaped(joined, egressRate=RATE, egressBurst=BURST)
    shaped(joined, egressRate=RATE // 2, egressBurst=BURST)
    old = call_of(limit(egressRate=RATE, egressBurst=BURST), "1.0.0", joined[0])

    with pytest.raises(RktError, match="is not limited to 1000000 bytes a second"):
        Bandwidth().check(old.replace(previous=joined[1]))


def test_what_the_runtime_says_counts(joined: tuple[str, Result]) -> None:
    pod, result = joined
    config = limit(egressRate=1, egressBurst=8) | {"capabilities": {"bandwidth": True}}
    told = {"bandwidth": {"ingressRate": RATE, "ingressBurst": BURST}}
    call = call_of(config, "1.0.0", pod).replace(previous=result, capabilities=told)
    Bandwidth().add(call)

    found = json.loads(subprocess.check_output(["tc", "-j", "qdisc", "show"]))
    assert [one["options"]["rate"] for one in found if one["kind"] == "tbf"] == [RATE // 8]
    assert b"tbf" not in subprocess.check_output(["tc", "-n", pod, "qdisc", "show"])


def test_a_bucket_too_small_for_a_packet_is_made_larger(joined: tuple[str, Result]) -> None:
    shaped(joined, ingressRate=RATE * 100, ingressBurst=8, egressRate=RATE * 100, egressBurst=8)

    assert seconds(joined[0], to_pod=True) > 0


def test_without_an_end_on_the_host_only_sending_is_limited(pod: str) -> None:
    subprocess.run(["ip", "link", "add", "up0", "type", "bridge"], check=True)
    subprocess.run(["ip", "link", "set", "up0", "up"], check=True)
    config = fields("macvlan", V4, master="up0")
    result = Macvlan(host_local).add(call_of(config, "1.0.0", pod))

    shaped((pod, result), egressRate=RATE, egressBurst=BURST)
    with pytest.raises(RktError, match="cannot limit what the pod is sent"):
        shaped((pod, result), ingressRate=RATE, ingressBurst=BURST)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"ingressRate": 1}, '"ingressRate" is set, but "ingressBurst" is not'),
        ({"egressBurst": 1}, '"egressBurst" is set, but "egressRate" is not'),
        ({"egressRate": -1, "egressBurst": 1}, '"egressRate" must be a number from 0'),
        ({"egressRate": 1, "egressBurst": 1 << 40}, '"egressBurst" must be a number from 0'),
    ],
)
def test_half_a_limit_is_refused(
    joined: tuple[str, Result], values: dict[str, int], says: str
) -> None:
    with pytest.raises(RktError) as caught:
        shaped(joined, **values)

    assert caught.value.message.startswith(says)


def test_without_limits_or_link_nothing_is_done(joined: tuple[str, Result]) -> None:
    shaped(joined)
    with pytest.raises(RktError, match="Required prevResult missing"):
        Bandwidth().add(call_of(limit(), "1.0.0", joined[0]))
