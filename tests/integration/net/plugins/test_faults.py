"""Plugins that are killed, and plugins that run at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.host import netns
from rktpy.net.plugins.bridge import Bridge
from rktpy.net.plugins.macvlan import Macvlan
from rktpy.net.plugins.ptp import Ptp
from tests.integration.net.plugins.world import V4, V6, call_of, fields, host_local, ip

if TYPE_CHECKING:
    from rktpy.net.call import Call, Plugin

STRIDE = 7
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "ptp": (Ptp, {}),
    "macvlan": (Macvlan, {"master": "above"}),
    "bridge": (Bridge, {"isGateway": True}),
}


def killed(plugin: Plugin, call: Call, line: int) -> bool:
    """Run ``add`` in a child that is killed at its ``line``-th line of a plugin; was it?"""
    pid = os.fork()
    if pid == 0:
        count = 0

        def trace(frame: Any, event: str, _: object) -> Any:
            nonlocal count
            if "/rktpy/net/plugins/" not in frame.f_code.co_filename:
                return None
            count += event == "line"
            if count == line:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            sys.settrace(trace)
            plugin.add(call)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("kind", CASES)
def test_whenever_it_is_killed_a_second_add_succeeds(kind: str, pod: str) -> None:
    make, more = CASES[kind]
    for words in ("add above type veth peer name nowhere", "set above up", "set nowhere up"):
        subprocess.run(["ip", "link", *words.split()], check=True)
    plugin, call = make(host_local), call_of(fields(kind, V4, **more), "1.0.0", pod)
    line = 1
    while killed(plugin, call, line):
        plugin.delete(call)
        if kind != "ptp":  # which meets its own pair; the others get a new namespace, as in a run
            netns.remove(pod)
            netns.make(pod)
        result = plugin.add(call)
        plugin.check(call.replace(previous=result))
        assert [link["ifname"] for link in ip(pod, "link")] == ["lo", "eth0"]
        plugin.delete(call)
        netns.remove(pod)
        netns.make(pod)
        line += STRIDE
    plugin.delete(call)

    assert line > 5 * STRIDE
    assert not [name for name in os.listdir("/run/leases/n") if name[0].isdigit()]


@pytest.mark.parametrize("kind", ["ptp", "bridge"])
def test_many_at_once_share_what_is_shared(kind: str, pods: tuple[str, str]) -> None:
    make, more = CASES[kind]
    plugin, config = make(host_local), fields(kind, V4, V6, **more)
    names = [f"crowd-{number}" for number in range(12)]
    for name in names:
        netns.make(name)
    children = []
    for name in names:
        pid = os.fork()
        if pid == 0:
            try:
                call = call_of(config, "1.0.0", name, name)
                plugin.check(call.replace(previous=plugin.add(call)))
                os._exit(0)
            finally:
                os._exit(1)
        children.append(pid)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    for name in names:
        netns.remove(name)

    assert statuses == [0] * len(names)
