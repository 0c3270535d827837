"""Many pods in one network: each has an address of its own, and all of it is given back."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from tests.integration.run.images import SHELL
from tests.integration.run.netted import nothing_remains
from tests.integration.run.rk import PATIENCE

if TYPE_CHECKING:
    from tests.integration.run.netted import Netted

PODS = 50
CYCLES, AT_ONCE = 200, 10


def started(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_fifty_pods_started_together_get_fifty_addresses(net: Netted) -> None:
    script = "busybox ip -4 -o addr show eth0"
    pods = [started(net.argv("run", SHELL, "--", script)) for _ in range(PODS)]
    ends = [pod.communicate(timeout=2 * PATIENCE) for pod in pods]

    assert [err for _, err in ends] == [""] * PODS
    assert [pod.returncode for pod in pods] == [0] * PODS
    found = {int(number) for out, _ in ends for number in re.findall(r" 172\.16\.28\.(\d+)/", out)}
    assert found == set(range(2, PODS + 2))
    listed = net.ok("list", "--no-legend")
    assert {int(n) for n in re.findall(r"default:ip4=172\.16\.28\.(\d+)", listed)} == found
    assert net.collect().status == 0
    assert nothing_remains()


def test_two_hundred_pods_leave_nothing(net: Netted) -> None:
    """Half of them by ``rm``, half by ``gc``; ten at once, and each time the same ten addresses."""
    seen: set[str] = set()
    for cycle in range(CYCLES // AT_ONCE):
        argv = net.argv("run", SHELL, "--", "busybox ip -4 -o addr show eth0")
        pods = [started(argv) for _ in range(AT_ONCE)]
        for pod in pods:
            out, err = pod.communicate(timeout=PATIENCE)
            assert (pod.returncode, err) == (0, "")
            seen |= set(re.findall(r" 172\.16\.28\.(\d+)/", out))
        if cycle % 2:
            net.ok("gc", "--grace-period=0s")
        else:
            uuids = [name.partition("/")[2] for name in net.pods()]
            net.ok("rm", *uuids)
        assert nothing_remains(), cycle
        assert net.pods() == []

    assert seen == {str(number) for number in range(2, AT_ONCE + 2)}
