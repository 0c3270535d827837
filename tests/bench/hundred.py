"""Prints what a hundred pods need that are started at once, beside podman's containers.

    python -m tests.bench.hundred [--rounds N]

The pods are services that one target wants, on a booted test host, with the host's network and with
networks of their own. podman has no systemd there: its containers are started by as many processes
at once, in the sandbox of the bench. Seconds are until all run, and until all have ended; memory is
that of all processes that stay for them, shared pages divided (PSS).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.bench import sandbox
from tests.bench.podman import IMAGE, Podman
from tests.support import hundred, pods_on_host
from tests.support.container import ContainerHost
from tests.support.pods_on_host import Pods

if TYPE_CHECKING:
    from collections.abc import Callable

_COUNT = hundred.COUNT
_STAY = ("/bin/sleep", "100000")
_Sample = tuple[float, float, dict[str, int]]  # until all run, until all ended, KiB by program


def main() -> int:
    """Run the sides one after the other and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hundred", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    rounds = parser.parse_args().rounds
    if os.geteuid() != 0:
        sys.stderr.write("the bench starts containers: run it as root\n")
        return 2
    if not sandbox.is_entered():
        _measure_pods(rounds)
    sandbox.enter(sys.argv[1:], module="tests.bench.hundred")
    peer = Podman(sandbox.HOME / "podman")
    peer.fresh()
    for network in ("host", "none"):
        _report(f"podman, {network}", rounds, lambda network=network: _containers(peer, network))  # type: ignore[misc]
    peer.drop()
    return 0


def _measure_pods(rounds: int) -> None:
    with hundred.inotify_instances(_COUNT * 8), ContainerHost() as host:
        pods = Pods(host)
        pods.stock(pods_on_host.shell)
        for net in ("host", "none", "default"):
            units = hundred.write_units(pods, net)
            _report(f"rktpy, {net}", rounds, lambda units=units: _services(pods, units))  # type: ignore[misc]
            hundred.remove_units(pods)


def _services(pods: Pods, units: list[str]) -> _Sample:
    started = hundred.start(pods)
    sizes = hundred.memory(pods)
    stopped = hundred.stop(pods, units)
    pods.clean()
    return started, stopped, sizes


def _containers(peer: Podman, network: str) -> _Sample:
    # Its PID 1 is the program, which hears no other signal.
    words = peer.run_arguments("--detach", "--stop-signal=KILL", network=network)
    command = peer.command(*words, IMAGE, *_STAY)
    before = time.monotonic()
    starting = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(_COUNT)]
    failed = sum(process.wait() != 0 for process in starting)
    started = time.monotonic() - before
    if failed:
        sys.stdout.write(f"  {failed} of podman's containers did not start\n")
    look = [sys.executable, "-c", hundred.MEMORY, "programs", "conmon", "sleep"]
    said = subprocess.run(look, check=True, capture_output=True, text=True).stdout
    before = time.monotonic()
    subprocess.run(peer.command("stop", "--all"), check=True, stdout=subprocess.DEVNULL)
    stopped = time.monotonic() - before
    subprocess.run(peer.command("rm", "--all", "--force"), check=True, stdout=subprocess.DEVNULL)
    sandbox.reap()
    return started, stopped, json.loads(said)


def _report(title: str, rounds: int, sample: Callable[[], _Sample]) -> None:
    samples = [sample() for _ in range(rounds)]
    started = statistics.median(one[0] for one in samples)
    stopped = statistics.median(one[1] for one in samples)
    whole = statistics.median(sum(one[2].values()) for one in samples)
    parts = ", ".join(
        f"{name} {size / _COUNT:.0f}" for name, size in sorted(samples[-1][2].items())
    )
    sys.stdout.write(
        f"{title:16} start {started:6.1f} s  stop {stopped:6.1f} s"
        f"  {whole / _COUNT:6.0f} KiB each ({parts})\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
