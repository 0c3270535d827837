"""Killed at every step, out of room, read-only, twenty at once: the store stays whole."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from rktpy.errors import RktError
from rktpy.host import syscalls
from rktpy.store.images import ImageStore
from rktpy.store.trees import Trees
from tests.integration.store.dying import collect, die_at, in_child, settled
from tests.integration.store.support import a_store, add, leftovers, lock_files, tree_of
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration


def test_killed_at_any_step_nothing_is_lost_or_left(tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci", files={"/bin/app": b"x" * 5000, "/d/e/f": b"y"})
    key = image_key(path)
    step, status = 0, -9
    while status:
        step += 1
        store = a_store(tmp_path / str(step))

        def die(step: int = step, store: ImageStore = store) -> None:
            die_at(step)
            add(store, path)

        status = in_child(die)
        assert status in (0, -signal.SIGKILL)
        settled(store.layout)
        store = ImageStore(store.layout)
        for image in store.images():  # whoever is in the index is whole
            Trees(store.layout).verify(Trees(store.layout).render(store, image.key))
        if step % 2:
            store.scratch()
            collect(store.layout)
            assert leftovers(store.layout) == []
            assert lock_files(store.layout) == []
        assert add(store, path) == key
        assert os.listdir(store.layout.cas_tmp) == []
        Trees(store.layout).verify(Trees(store.layout).tree_id_of(store, key))
        assert store.orphans() == []
    assert step > 40


def test_a_removal_killed_half_way_is_finished_by_gc(tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci", files={"/bin/app": b"x"})
    step, status = 0, -9
    while status:
        step += 1
        store = a_store(tmp_path / str(step))
        key = add(store, path)

        def die(step: int = step, store: ImageStore = store, key: str = key) -> None:
            die_at(step)
            Trees(store.layout).remove(Trees(store.layout).tree_id_of(store, key))
            store.remove(key)

        status = in_child(die)
        collect(store.layout)
        assert leftovers(store.layout) == []
        assert ImageStore(store.layout).images() == []
    assert step > 10


def test_twenty_imports_of_one_file_at_once_store_it_once(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    path = build_aci(tmp_path / "a.aci", files={f"/f{n}": b"x" * n * 100 for n in range(200)})
    pids = []
    for _ in range(20):
        pid = os.fork()
        if not pid:
            status = 1
            try:
                add(store, path)
                status = 0
            finally:
                os._exit(status)
        pids.append(pid)

    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 20

    key = image_key(path)
    assert [image.key for image in store.images()] == [key]
    assert len(leftovers(store.layout)) == 3  # blob, manifest, tree
    Trees(store.layout).verify(Trees(store.layout).tree_id_of(store, key))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    syscalls.mount("tmpfs", str(disk), "tmpfs", 0, "size=8m,mode=755")
    yield disk
    syscalls.umount2(str(disk), syscalls.MNT_DETACH)


@pytest.mark.parametrize("size", [3 << 20, 5 << 20, 20 << 20])
def test_a_full_disk_is_one_clear_error_and_leaves_nothing(
    small_disk: Path, tmp_path: Path, size: int
) -> None:
    path = build_aci(tmp_path / "a.aci", files={"/big": os.urandom(size), "/x": os.urandom(size)})
    store = a_store(small_disk)

    with pytest.raises(RktError, match="cannot write to the image store in") as caught:
        add(store, path)

    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.strerror == "No space left on device"
    assert leftovers(store.layout) == []


def test_a_read_only_store_can_be_read_but_not_changed(small_disk: Path, tmp_path: Path) -> None:
    store = a_store(small_disk)
    path = build_aci(tmp_path / "a.aci")
    key = add(store, path)
    os.unlink(store.layout.index_snapshot)
    syscalls.mount("", str(small_disk), "", syscalls.MS_REMOUNT | syscalls.MS_RDONLY)

    again = ImageStore(store.layout)

    assert [image.key for image in again.images()] == [key]
    assert again.manifest(key).name == "example.com/app"
    assert os.path.isdir(tree_of(again, key))
    for act in (lambda: add(again, path), lambda: again.remove(key)):
        with pytest.raises(RktError) as caught:
            act()
        assert isinstance(caught.value.__cause__, OSError)


def test_an_import_that_is_running_is_not_swept(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    store.scratch()
    path = build_aci(tmp_path / "a.aci", files={"/big": os.urandom(30 << 20)}, compression="gzip")
    pid = os.fork()
    if not pid:
        status = 1
        try:
            add(store, path)
            status = 0
        finally:
            os._exit(status)
    while not os.listdir(store.layout.cas_tmp):
        pass

    collect(store.layout)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert [image.key for image in ImageStore(store.layout).images()] == [image_key(path)]
