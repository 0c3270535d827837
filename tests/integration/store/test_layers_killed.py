"""Layers and stacks killed at every step, two at once, out of room, beside the collector."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.store.images import ImageStore
from rktpy.store.layers import Layers
from rktpy.store.stacks import verify_stack
from rktpy.store.trees import Trees
from tests.integration.store.dying import collect, die_at, in_child
from tests.integration.store.layered import add_stack, build, diff_id, filled, manifest
from tests.integration.store.support import a_store, leftovers, lock_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rktpy.host.archive.ends import LayerOutcome

pytestmark = pytest.mark.integration

LAYERS = {"base": filled({"a": b"1", "b": b"2"}), "up": filled({"b": None, "d/c": b"3"})}


def _verified(store: ImageStore) -> None:
    """Check all that the index knows, layer by layer."""
    for key in store.stored_keys():
        assert store.complete(key)
        verify_stack(store, key, Trees(store.layout).render(store, key))


def _nothing_left(store: ImageStore) -> None:
    assert leftovers(store.layout) == []
    assert os.listdir(store.layout.layers) == []
    assert lock_files(store.layout) == []


def test_adding_killed_at_any_step_leaves_nothing_that_stays(tmp_path: Path) -> None:
    step, status = 0, -9
    while status:
        step += 1
        store = a_store(tmp_path / str(step))

        def die(step: int = step, store: ImageStore = store) -> None:
            die_at(step)
            add_stack(store, LAYERS)

        status = in_child(die)
        assert status in (0, -signal.SIGKILL)
        store = ImageStore(store.layout)
        store.scratch()
        _verified(store)
        if step % 2:
            collect(store.layout)
            _nothing_left(store)
        key = add_stack(store, LAYERS)
        assert store.stored_keys() == [key]
        _verified(store)
        assert os.listdir(store.layout.cas_tmp) == []
        assert store.orphans() == []
    assert step > 60


@pytest.mark.parametrize("harm", ["collect", "damage", "mend"])
def test_other_acts_killed_at_any_step_are_finished_by_the_next(tmp_path: Path, harm: str) -> None:
    step, status = 0, -9
    while status:
        step += 1
        store = a_store(tmp_path / str(step))
        key = add_stack(store, LAYERS)
        if harm == "mend":
            Layers(store.layout).mark_damaged(diff_id("up"))

        def die(step: int = step, store: ImageStore = store, key: str = key) -> None:
            die_at(step)
            if harm == "collect":
                store.remove(key)
                collect(store.layout)
            elif harm == "damage":
                Layers(store.layout).mark_damaged(diff_id("up"))
            else:
                build(store.layout, LAYERS)

        status = in_child(die)
        assert status in (0, -signal.SIGKILL)
        if harm != "collect":
            add_stack(store, LAYERS)
            _verified(store)
            store.remove(key)
        elif key in store.stored_keys():
            _verified(store)
            store.remove(key)
        collect(store.layout)
        _nothing_left(store)
    assert step > 3


def _children(acts: list[Callable[[], object]]) -> list[int]:
    pids = []
    for act in acts:
        pid = os.fork()
        if not pid:
            status = 1
            try:
                act()
                status = 0
            finally:
                os._exit(status)
        pids.append(pid)
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def test_two_makers_of_one_layer_make_it_once(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    made = tmp_path / "made"

    def fill(rootfs: str) -> LayerOutcome:
        with made.open("a") as file:
            file.write("once\n")
        return filled({f"f{n}": b"x" for n in range(200)})(rootfs)

    assert _children([lambda: build(store.layout, {"one": fill})] * 8) == [0] * 8

    assert made.read_text() == "once\n"
    name = os.path.basename(Layers(store.layout).directory(diff_id("one")))
    assert os.listdir(store.layout.tree_locks) == [name]


def test_pulls_of_each_others_layers_and_a_collector_do_not_block(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    names = [f"layer {n}" for n in range(6)]
    fills = {name: filled({name: b"x" * 1000}) for name in names}

    def pull(order: list[str]) -> None:
        layers, held = Layers(store.layout), []
        for name in order:
            while (layer := layers.hold(diff_id(name))) is None:
                layers.build(diff_id(name), fills[name])
            held.append(layer)
        store.add_layered(manifest(), tuple(map(diff_id, names)))

    def collector() -> None:
        for _ in range(10):
            collect(store.layout, grace=10**12)

    acts: list[Callable[[], object]] = [
        lambda: pull(names),
        lambda: pull(names[::-1]),
        lambda: pull(names[3:] + names[:3]),
        collector,
    ]
    store.scratch()
    assert _children(acts) == [0] * 4

    _verified(store)


def test_layers_that_a_pull_holds_are_not_collected(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    build(store.layout, LAYERS)
    layers = Layers(store.layout)
    held = [layers.hold(diff_id(name)) for name in LAYERS]
    assert all(held)

    collect(store.layout)

    key = store.add_layered(manifest(), tuple(map(diff_id, LAYERS)))
    for layer in held:
        assert layer is not None
        layer.close()
    _verified(store)
    assert layers.remove(diff_id("up"), needed=lambda _id: True) is False
    assert store.complete(key)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    syscalls.mount("tmpfs", str(disk), "tmpfs", 0, "size=8m,mode=755")
    yield disk
    syscalls.umount2(str(disk), syscalls.MNT_DETACH)


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(small_disk: Path) -> None:
    store = a_store(small_disk)

    with pytest.raises(RktError, match="cannot unpack a layer in") as caught:
        build(store.layout, {"big": filled({"big": b"x" * (9 << 20)})})

    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.strerror == "No space left on device"
    collect(store.layout)
    _nothing_left(store)


def test_a_disk_too_full_for_the_top_is_told_too(small_disk: Path) -> None:
    from rktpy.host.archive.ends import LooseEnds

    store = a_store(small_disk)
    upper = filled({"linked": b""}, LooseEnds(rooted=True, links=((b"linked", b"big"),)))

    with pytest.raises(RktError, match="cannot write to the image store in"):
        add_stack(store, {"base": filled({"big": b"x" * (5 << 20)}), "up": upper})

    assert store.stored_keys() == []
    assert os.listdir(store.layout.cas_tmp) == []
