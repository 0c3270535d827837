"""Prints what a hundred services need that one target starts: pods, podman's containers, boots.

    python -m tests.bench.hundred [--rounds N] [--sides WORD...]

All sides take turns on one booted test host, so a busy minute of the machine falls on each of them.
Printed are medians of the rounds: seconds until all are active or have failed, and until all have
ended; processor seconds of the whole host meanwhile, in user space and kernel; memory of all
processes that stay for a service, pages that several share divided among them (PSS, so what the
kernel keeps is not in it); and how many of the hundred were not active, in the worst round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tests.bench.hundred_sides import Boots, Podmans, Rktpys, versions
from tests.support import host_image, hundred, podman_tree, pods_on_host
from tests.support.container import ContainerHost
from tests.support.pods_on_host import Pods

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNT = hundred.COUNT


class _Side(Protocol):
    title: str

    def set_up(self, pods: Pods) -> None: ...

    def write(self, pods: Pods) -> list[str]: ...

    def clean(self, pods: Pods) -> None: ...


class _Sample(NamedTuple):
    start: float  # seconds until all are active, or have failed
    stop: float  # seconds until all have ended
    start_user: float  # processor seconds of the host while they start
    start_kernel: float
    stop_user: float
    stop_kernel: float
    failed: int
    sizes: dict[str, int]  # KiB by program

    @property
    def memory(self) -> float:
        """KiB for each service that is active."""
        return sum(self.sizes.values()) / max(1, _COUNT - self.failed)


_SIDES: tuple[_Side, ...] = (
    Rktpys("host"), Rktpys("default"), Podmans("host"), Podmans("bridge"), Boots(),
    Boots(least=True),
)  # fmt: skip


def main() -> int:
    """Measure the sides in turn and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hundred", description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--sides", nargs="*", default=[""], metavar="WORD",
                        help="only sides with one of these words in their titles")  # fmt: skip
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("the bench boots a host: run it as root\n")
        return 2
    sides = [side for side in _SIDES if any(word in side.title for word in given.sides)]
    lowers = host_image.lowers()
    if any(isinstance(side, Podmans) for side in sides):
        lowers.insert(0, podman_tree.lower())
        _say(versions())
    with hundred.inotify_instances(_COUNT * 8), ContainerHost(lowers=lowers) as host:
        samples = _measure(Pods(host), sides, given.rounds)
    _say(_HEAD)
    for side in sides:
        _say(_line(side.title, samples[side.title]))
    return 0


def _measure(pods: Pods, sides: Sequence[_Side], rounds: int) -> dict[str, list[_Sample]]:
    pods.stock(pods_on_host.shell)
    for side in sides:
        side.set_up(pods)
    samples: dict[str, list[_Sample]] = {side.title: [] for side in sides}
    for number in range(rounds):
        for side in sides:
            sample = _sample(pods, side)
            samples[side.title].append(sample)
            _say(f"round {number + 1}: {_line(side.title, [sample])}")
    return samples


def _sample(pods: Pods, side: _Side) -> _Sample:
    units = side.write(pods)
    before = hundred.processor_seconds(pods)
    started = hundred.start(pods)
    between = hundred.processor_seconds(pods)
    failed = _COUNT - hundred.active(pods)
    sizes = hundred.memory(pods)
    looked = hundred.processor_seconds(pods)
    stopped = hundred.stop(pods, units)
    after = hundred.processor_seconds(pods)
    hundred.remove_units(pods)
    side.clean(pods)
    return _Sample(started, stopped, between[0] - before[0], between[1] - before[1],
                   after[0] - looked[0], after[1] - looked[1], failed, sizes)  # fmt: skip


_HEAD = (
    f"{'':18} {'start':>7} {'user':>6} {'kernel':>6}  {'stop':>7} {'user':>6} {'kernel':>6}"
    f"  {'KiB each':>8} {'failed':>6}"
)


def _line(title: str, samples: Sequence[_Sample]) -> str:
    def middle(which: str) -> float:
        values: list[float] = [getattr(one, which) for one in samples]
        return statistics.median(values)

    parts = " ".join(
        f"{name} {size / _COUNT:.0f}" for name, size in sorted(samples[-1].sizes.items())
    )
    return (
        f"{title:18} {middle('start'):7.1f} {middle('start_user'):6.1f}"
        f" {middle('start_kernel'):6.1f}  {middle('stop'):7.1f} {middle('stop_user'):6.1f}"
        f" {middle('stop_kernel'):6.1f}  {middle('memory'):8.0f}"
        f" {max(one.failed for one in samples):6}  ({parts})"
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
