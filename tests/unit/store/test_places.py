"""Rooms in cas/tmp: private while held, swept once their owner is gone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.store.errors import StoreError
from rktpy.store.places import make_store, open_room, sweep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(str(tmp_path / "deep/data"))
    make_store(layout)
    return layout


def test_the_store_has_rkts_modes(layout: Layout) -> None:
    modes = {
        layout.cas: 0o2750,  # rkt: 2770, so that its group could exchange what is in it
        layout.cas_tmp: 0o3770,
        layout.downloads: 0o3770,
        layout.blobs: 0o2770,
        layout.trees: 0o2700,
    }
    for path, mode in modes.items():
        assert os.stat(path).st_mode & 0o7777 == mode
    make_store(layout)  # again is fine


def test_a_room_is_private_and_goes_with_all_that_is_in_it(layout: Layout) -> None:
    with open_room(layout) as room:
        os.makedirs(f"{room.path}/a/b")
        assert os.stat(room.path).st_mode & 0o7777 == 0o700
        assert sweep(layout) == 0  # somebody is at home

    assert os.listdir(layout.cas_tmp) == []


def test_what_a_killed_process_left_is_swept(layout: Layout) -> None:
    os.makedirs(f"{layout.cas_tmp}/abandoned/tree/rootfs")
    with open(f"{layout.cas_tmp}/stray", "w"):
        pass

    assert sweep(layout) == 2
    assert os.listdir(layout.cas_tmp) == []


def test_a_store_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot create the image store in"):
        make_store(Layout(str(tmp_path / "file")))


def test_a_store_that_was_open_to_its_group_is_closed(layout: Layout) -> None:
    for path in (layout.cas, layout.cas_tmp, layout.downloads):
        os.chmod(path, 0o2770)

    make_store(layout)

    modes = [os.stat(p).st_mode & 0o7777 for p in (layout.cas, layout.cas_tmp, layout.downloads)]
    assert modes == [0o2750, 0o3770, 0o3770]
