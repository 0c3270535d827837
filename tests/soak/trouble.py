"""Shortages while actors act: a disk that is full, or takes nothing, for a moment."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.soak.actor import pause

if TYPE_CHECKING:
    import random

    from tests.soak.world import World
    from tests.support.disks import SmallDisk


def make_trouble(world: World, rng: random.Random, disk: SmallDisk) -> None:
    """Have shortages on ``disk`` until the world stops; afterwards there is none."""
    while not world.stopping.wait(rng.uniform(0.5, 3.0)):
        begin(world)
        if rng.random() < 0.75:
            world.note(trouble="full")
            disk.fill()
            pause(rng, 0.1, 1.5)
            empty(disk)
        elif _mounted_anew(disk, "ro"):
            world.note(trouble="read-only")
            pause(rng, 0.1, 0.6)
            _mounted_anew(disk, "rw")
        world.note(trouble="over")
        end(world)


def begin(world: World) -> None:
    world.troubled = True
    world.trouble += 1


def end(world: World) -> None:
    world.troubled = False


def empty(disk: SmallDisk) -> None:
    """Give back what ``fill`` took."""
    shutil.rmtree(disk.path / "filler", ignore_errors=True)


def _mounted_anew(disk: SmallDisk, how: str) -> bool:
    """Change the mount, as far as commands that come see it; not while somebody writes."""
    argv = ["mount", "-o", f"remount,bind,{how}", str(disk.path)]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
