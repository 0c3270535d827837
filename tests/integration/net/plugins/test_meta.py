"""``loopback`` and ``tuning`` as Debian's programs do it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from rktpy.errors import RktError
from rktpy.net.plugins.loopback import Loopback
from rktpy.net.plugins.tuning import Tuning
from rktpy.net.result import Interface, Result, render
from tests.integration.net.plugins.world import anonymous, call_of, foreign, ip

MAC = "02:00:00:00:00:09"
ALL = {
    "type": "tuning",
    "sysctl": {"net.ipv4.conf.IFNAME.rp_filter": "0", "net/core/somaxconn": "500"},
    "mac": MAC,
    "mtu": 1300,
    "promisc": True,
    "allmulti": True,
}


@pytest.fixture
def linked(pod: str) -> str:
    subprocess.run(["ip", "-n", pod, "link", "add", "eth0", "type", "bridge"], check=True)
    return pod


def result(pod: str) -> Result:
    return Result((Interface("eth0", "02:00:00:00:00:01", f"/var/run/netns/{pod}"),))


def test_loopback_is_that_of_debians_program(pod: str) -> None:
    call = call_of({"type": "loopback"}, "1.0.0", pod)  # the form in which it answers always
    told = foreign("ADD", call)
    subprocess.run(["ip", "-n", pod, "link", "set", "lo", "down"], check=True)
    with pytest.raises(RktError, match="down"):
        Loopback().check(call)

    made = Loopback().add(call)

    assert anonymous(render(made, "1.0.0")) == anonymous(told)
    assert "UP" in ip(pod, "link", "show", "lo")[0]["flags"]
    Loopback().check(call)


def tuned(pod: str) -> tuple[Any, ...]:
    [link] = ip(pod, "-d", "link", "show", "eth0")
    switches = subprocess.check_output(
        ["ip", "netns", "exec", pod, "sysctl", "-n",
         "net.ipv4.conf.eth0.rp_filter", "net.core.somaxconn"]
    )  # fmt: skip
    flags = {"PROMISC", "ALLMULTI"} & set(link["flags"])
    return (link["address"], link["mtu"], sorted(flags), link["promiscuity"], switches.split())


def test_tuning_is_that_of_debians_program(linked: str) -> None:
    call = call_of(ALL, "1.0.0", linked).replace(previous=result(linked))
    before = tuned(linked)
    told, theirs = foreign("ADD", call), tuned(linked)
    subprocess.run(["ip", "-n", linked, "link", "del", "eth0"], check=True)
    subprocess.run(["ip", "-n", linked, "link", "add", "eth0", "type", "bridge"], check=True)

    made = Tuning().add(call)

    assert render(made, "1.0.0") == told
    assert tuned(linked) == theirs != before
    assert made.interfaces[0].mac == MAC
    Tuning().check(call)
    Tuning().delete(call.replace(netns=""))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("ip link set eth0 mtu 1200", "MTU of eth0 is 1200, not 1300"),
        ("ip link set eth0 addr 02:00:00:00:00:08", "MAC of eth0 is 02:00:00:00:00:08"),
        ("ip link set eth0 promisc off", "promiscuous mode of eth0 is False"),
        ("ip link set eth0 allmulticast off", "allmulti of eth0 is False"),
        ("sysctl -qw net.core.somaxconn=501", 'net/core/somaxconn.* is "501"'),
    ],
)
def test_check_says_what_is_otherwise(damage: str, message: str, linked: str) -> None:
    call = call_of(ALL, "1.0.0", linked).replace(previous=result(linked))
    Tuning().add(call)
    subprocess.run(["ip", "netns", "exec", linked, *damage.split()], check=True)

    with pytest.raises(RktError, match=message):
        Tuning().check(call)


@pytest.mark.parametrize(
    "key",
    ["kernel.hostname", "net/../kernel/hostname", "net.ipv4..", "/net/core/somaxconn", "net/"],
)
def test_switches_that_are_not_of_the_network_are_refused(key: str, linked: str) -> None:
    call = call_of({"type": "tuning", "sysctl": {key: "x"}}, "1.0.0", linked)

    with pytest.raises(RktError, match="invalid net sysctl key"):
        Tuning().add(call.replace(previous=result(linked)))


def test_a_switch_that_is_not_there_and_a_missing_result_are_errors(linked: str) -> None:
    call = call_of({"type": "tuning", "sysctl": {"net.ipv4.nope": "1"}}, "1.0.0", linked)

    with pytest.raises(RktError, match="Required prevResult missing"):
        Tuning().add(call)
    with pytest.raises(RktError, match="net/ipv4/nope"):
        Tuning().add(call.replace(previous=result(linked)))


def test_the_pod_may_ask_for_other_values(linked: str) -> None:
    asked = {"args": {"cni": {"mtu": 1280, "sysctl": {"net.core.somaxconn": "77"}}}}
    call = call_of(ALL | asked, "1.0.0", linked).replace(previous=result(linked))

    Tuning().add(call)

    _, mtu, _, _, switches = tuned(linked)
    assert (mtu, switches) == (1280, [b"0", b"77"])
