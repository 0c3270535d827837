"""kill -9 at every change to the disk that fetching an image of layers makes, in each process."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.host import syscalls
from rktpy.image.fetch import fetch
from rktpy.image.reference import parse_reference
from rktpy.layout import Layout
from rktpy.store.layers import Layers
from rktpy.verbs.image.fetching import means_of, store_of
from rktpy.verbs.site import Insecure, Site
from tests.integration.store.dying import STEPS, collect, die_at, in_child, settled
from tests.integration.store.support import leftovers, lock_files
from tests.support import archive
from tests.support.layouts import Layout as Oci
from tests.support.layouts import whiteout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration


@pytest.fixture
def disk(_own_namespaces: None, tmp_path: Path) -> Iterator[Path]:
    """A file system that waits for no disk: there are some hundred syncs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    syscalls.mount("tmpfs", str(disk), "tmpfs", 0, "size=512m,mode=755")
    yield disk
    syscalls.umount2(str(disk), syscalls.MNT_DETACH)


@pytest.fixture
def source(layout: Oci) -> str:
    layout.image(
        {"a": "1", "d/x": "1", "g": "1"},
        {".wh.a": whiteout(), "d/.wh..wh..opq": whiteout(), "e/f": archive.hardlink("g")},
    )
    return f"oci:{layout.path}"


def _site(layout: Layout) -> Site:
    insecure = Insecure(image=True)
    return Site(
        data_dir=layout.data, local_config="/none", system_config="/none", insecure=insecure
    )


def _fetch(layout: Layout, source: str) -> str:
    site = _site(layout)
    return fetch(store_of(site), parse_reference(source), means_of(site, "update"))


def _die_in_a_layer(step: int) -> None:
    """Kill the process of a layer at its ``step``-th change to the disk."""
    count = 0
    home = os.getpid()

    def watch(event: str, _args: tuple[object, ...]) -> None:
        nonlocal count
        if event in STEPS and os.getppid() == home:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


@pytest.mark.parametrize(
    ("die", "killed", "least"), [(die_at, -signal.SIGKILL, 60), (_die_in_a_layer, 254, 20)]
)
def test_a_pull_killed_at_any_step_goes_on_and_leaves_nothing(
    source: str, disk: Path, die: Callable[[int], None], killed: int, least: int
) -> None:
    wanted = _fetch(Layout(str(disk / "0")), source)
    step, status = 0, killed
    while status:
        step += 1
        layout = Layout(str(disk / str(step)))

        def dying(step: int = step, layout: Layout = layout) -> None:
            die(step)
            _fetch(layout, source)

        status = in_child(dying)
        assert status in (0, killed)
        settled(layout)
        kept = {one: os.stat(Layers(layout).rootfs(one)).st_ino for one in Layers(layout).ids()}
        assert in_child(lambda layout=layout: _fetch(layout, source)) == 0  # type: ignore[misc]
        store = store_of(_site(layout))
        assert [row.key for row in store.images()] == [wanted]
        assert store.complete(wanted)
        assert all(os.stat(Layers(layout).rootfs(one)).st_ino == kept[one] for one in kept)
        assert os.listdir(layout.cas_tmp) == []
        store.remove(wanted)
        collect(layout)
        assert (leftovers(layout), lock_files(layout), Layers(layout).ids()) == ([], [], [])
    assert step > least
