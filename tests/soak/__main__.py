"""Many at once on one data directory, and kills: ``python -m tests.soak --seconds=600 --seed=7``.

In bursts of some seconds, actors do things at random, among them what takes away what others
need; each process may be killed, and the disk be full for a while. After each burst all is calm,
and ``tests.soak.calm`` looks at what is there. A seed draws the same commands and kills again; the
machine decides who is first. Root's; mount and network namespaces of its own. Exits with 1 if
anything was found; the journals of such bursts stay in ``--out``.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from tests.soak.actor import Actor
from tests.soak.calm import check_unique, end_pods, look
from tests.soak.trouble import end, make_trouble
from tests.soak.world import World, make_images
from tests.support import leaks
from tests.support.disks import KINDS, SmallDisk, small_disk
from tests.support.sandbox import Cgroups, Namespaces, adopt_orphans, reap_orphans

_SHORT_OF_ROOM = 0.4  # how many bursts have a small disk


def main() -> int:
    """Carry out the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0, help="0: of the time")
    parser.add_argument("--burst", type=int, default=1, help="the first one; others came before")
    parser.add_argument("--actors", type=int, default=8)
    parser.add_argument("--length", type=float, default=15.0, help="seconds of a burst")
    parser.add_argument("--out", default=".cache/soak")
    options = parser.parse_args()
    options.seed = options.seed or int(time.time()) & 0x7FFFFFFF
    options.out = os.path.abspath(options.out)
    os.makedirs(options.out, exist_ok=True)
    _say(f"seed {options.seed}, {options.actors} actors")
    adopt_orphans()
    cgroups = Cgroups()
    try:
        with Namespaces(), tempfile.TemporaryDirectory(prefix="rktpy-soak-") as home:
            return _soak(options, Path(home))
    finally:
        cgroups.leave()


def _soak(options: argparse.Namespace, home: Path) -> int:
    images = make_images(home)
    stops = time.monotonic() + options.seconds
    totals: dict[str, int] = {"operations": 0, "kills": 0, "refusals": 0, "findings": 0}
    burst = options.burst
    while time.monotonic() < stops:
        counts = _burst(options, home, images, burst)
        for what, number in counts.items():
            totals[what] += number
        burst += 1
    told = ", ".join(f"{number} {what}" for what, number in totals.items())
    _say(f"{burst - options.burst} bursts, {told}")
    return 1 if totals["findings"] else 0


def _burst(
    options: argparse.Namespace, home: Path, images: list[str], burst: int
) -> dict[str, int]:
    rng = random.Random(f"{options.seed}/{burst}")
    journal = Path(options.out) / f"{options.seed}-{burst}.jsonl"
    journal.unlink(missing_ok=True)
    with ExitStack() as undo:
        room = Path(undo.enter_context(tempfile.TemporaryDirectory(dir=home)))
        disk, data = None, home / "data"
        kind = rng.choice(KINDS) if rng.random() < _SHORT_OF_ROOM else ""
        before = leaks.take()
        if kind:
            disk = undo.enter_context(small_disk(room, kind))
            before, data = leaks.take(), disk.path / "data"
        world = World(data, room, images, journal)
        world.tight = disk is not None
        undo.callback(world.close)
        _act(options, world, rng, disk, burst)
        reap_orphans()
        look(world, rng, before)
    counts = world.counts | {"findings": len(world.findings)}
    _say(f"burst {burst} ({kind or 'plain'}): {counts}")
    for text in world.findings:
        _say(f"  {text}")
    if not world.findings:
        journal.unlink()
    return counts


def _act(
    options: argparse.Namespace,
    world: World,
    rng: random.Random,
    disk: SmallDisk | None,
    burst: int,
) -> None:
    """Let everybody act for the length of a burst; when this returns, nothing runs."""
    actors = [
        Actor(world, random.Random(f"{options.seed}/{burst}/{number}"), f"{number}")
        for number in range(options.actors)
    ]
    threads = [threading.Thread(target=actor.act) for actor in actors]
    if disk is not None:
        own = random.Random(f"{options.seed}/{burst}/trouble")
        threads.append(threading.Thread(target=make_trouble, args=(world, own, disk)))
    for thread in threads:
        thread.start()
    time.sleep(options.length)
    world.stopping.set()
    for thread in threads:
        thread.join()
    end(world)
    check_unique(world)
    end_pods(world, rng, [pod for actor in actors for pod in actor.left])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
