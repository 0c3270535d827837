"""What must hold when nobody does anything any more."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rktpy.errors import RktError
from rktpy.host.lock import is_locked
from rktpy.store.images import ImageStore
from tests.integration.run.netted import remains
from tests.soak.actor import NEVER, PATIENCE
from tests.support import leaks
from tests.support.sandbox import reap_orphans

if TYPE_CHECKING:
    import random

    from tests.soak.actor import Started
    from tests.soak.world import World
    from tests.support.leaks import Snapshot


def check_unique(world: World) -> None:
    """No two pods that run have the same name, or the same ids of the host."""
    running = [world.layout.pod("run", uuid) for uuid in world.pods("run")]
    for what in ("name", "private_users_marker"):
        seen: dict[str, str] = {}
        for tree in running:
            text = _text_of_running(tree.root, getattr(tree, what))
            if text and seen.setdefault(text, tree.root) != tree.root:
                world.find(f"two pods have the same {what} {text}: {tree.root}, {seen[text]}")


def _text_of_running(root: str, path: str) -> str:
    try:
        text = Path(path).read_text("utf-8").strip()
        return text if is_locked(root) else ""
    except OSError:
        return ""


def end_pods(world: World, rng: random.Random, pods: list[Started]) -> None:
    """End the pods that run: some are harmed, all are told to stop, once."""
    deadline = time.monotonic() + PATIENCE
    for pod in pods:
        while pod.starts() and time.monotonic() < deadline:
            time.sleep(0.05)  # ``stop`` finds pods that have begun to run
        if rng.random() < 0.3:
            pod.harm(rng)
    _command(world, "stop", *world.pods("run"), statuses=(0, 254))
    for pod in pods:
        if not pod.ended(60.0):
            if pod.harmed:  # PID 1 or an app of it was killed, or it never told who it is
                pod.process.kill()
                pod.ended()
            else:
                pod.hangs()


def look(world: World, rng: random.Random, before: Snapshot) -> None:
    """Collect from disk alone, and note everything that is left or is not whole."""
    _command(world, "gc", "--grace-period=0s", "--expire-prepared=0s")
    reap_orphans()
    for text in leaks.settled(before, lambda: _ours(world), deadline=15.0):
        world.find(text)
    leaks.clean_up_processes(before)
    layout = world.layout
    for place in (f"{layout.pods}/*", layout.names, layout.id_ranges, layout.tmp):
        _empty(world, place, "after gc")
    for text in remains():
        world.find(f"network left behind: {text}")
    _command(world, "image", "gc")
    _store(world)
    if rng.random() < 0.4:
        _command(world, "image", "gc", "--grace-period=0s")
        for place in (layout.trees, layout.layers, layout.image_locks, layout.tree_locks):
            _empty(world, place, "after image gc of all")
        for place in (layout.blobs, layout.image_manifests):
            _empty(world, f"{place}/sha512/*", "after image gc of all")


def _store(world: World) -> None:
    """What the index has is whole; nothing is there that it has not."""
    layout = world.layout
    if not os.path.exists(layout.index):
        return
    with sqlite3.connect(layout.index) as db:
        for check in ("integrity_check", "foreign_key_check"):
            if (found := db.execute(f"PRAGMA {check}").fetchall()) not in ([], [("ok",)]):
                world.find(f"SQLite's {check}: {found}")
    db.close()
    for place in (layout.cas_tmp, layout.trees):
        _empty(world, place, "after image gc")
    store = ImageStore(layout)
    keys = [image.key for image in store.images()]
    layers = {one.replace(":", "-") for key in keys for one in _layers(store, key)}
    _same(world, "layers", set(_listed(layout.layers)), layers)
    for kind, place in (("blobs", layout.blobs), ("manifests", layout.image_manifests)):
        _same(world, kind, {path.name for path in Path(place).glob("sha512/*/*")}, set(keys))
    _same(world, "locks of images", set(_listed(layout.image_locks)) - set(keys), set())
    _same(world, "locks of layers", set(_listed(layout.tree_locks)) - layers, set())
    if keys:
        _command(world, "image", "verify", *keys)


def _layers(store: ImageStore, key: str) -> tuple[str, ...]:
    try:
        document = store.document(key)
    except RktError as error:
        raise AssertionError(f"image {key} cannot be read") from error
    return () if document is None else document.diff_ids


def _same(world: World, what: str, there: set[str], wanted: set[str]) -> None:
    if there - wanted:
        world.find(f"{what} that nothing names: {sorted(there - wanted)}")
    if wanted - there:
        world.find(f"{what} that are missing: {sorted(wanted - there)}")


def _empty(world: World, pattern: str, when: str) -> None:
    base, star, _ = pattern.partition("/*")
    places = [f"{base}/{name}" for name in _listed(base)] if star else [base]
    for place in places:
        for name in _listed(place):
            world.find(f"left {when}: {os.path.relpath(place, world.layout.data)}/{name}")


def _listed(path: str) -> list[str]:
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def _ours(world: World) -> Snapshot:
    """Look, without the bridges of networks, which stay for the next pod, and without loop devices
    of others on this machine.
    """
    argv = ["ip", "-o", "link", "show", "type", "bridge"]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    bridges = {line.split(":")[1].strip() for line in lines}
    found = leaks.take()
    found["link"] = [name for name in found["link"] if name not in bridges]
    found["loop device"] = [one for one in found["loop device"] if str(world.home) in one]
    return found


def _command(world: World, *args: str, statuses: tuple[int, ...] = (0,)) -> None:
    """Do something when all is calm: it must work."""
    if args[0] == "stop" and len(args) == 1:
        return
    try:
        done = subprocess.run(
            world.argv(*args), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        world.find(f"`{' '.join(args)}` hangs, when all is calm")
        return
    world.note(calm=args, status=done.returncode, err=done.stderr[-1500:])
    if done.returncode not in statuses or NEVER.search(done.stderr):
        world.find(
            f"`{' '.join(args)}`, when all is calm: {done.returncode}: {done.stderr[-1500:]}"
        )
