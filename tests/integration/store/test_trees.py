"""Rendering images that lie on top of each other, after rkt's renderer tests (images.md 3.13)."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.store.dependencies import DependencyError
from rktpy.store.errors import ImageDamagedError
from rktpy.store.importing import Terms
from rktpy.store.trees import TreeError, Trees
from tests.integration.store.support import a_store, add, leftovers, tree_of
from tests.support import archive
from tests.support.images import build_aci

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rktpy.store.images import ImageStore
    from tests.support.images import Content

pytestmark = pytest.mark.integration


class Pile:
    """Builds images that depend on each other and renders the last one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store: ImageStore = a_store(directory)

    def image(
        self, name: str, files: Mapping[str, Content], below: Sequence[str] = (), **rest: Any
    ) -> str:
        if below:
            rest["dependencies"] = [{"imageName": f"example.com/{one}"} for one in below]
        path = build_aci(
            self.directory / f"{name}.aci", name=f"example.com/{name}", files=files, **rest
        )
        return add(self.store, path)

    def render(self, key: str) -> str:
        return tree_of(self.store, key)


@pytest.fixture
def pile(tmp_path: Path) -> Pile:
    return Pile(tmp_path)


def _names(root: str) -> set[str]:
    found = set()
    for directory, dirs, files in os.walk(root):
        found |= {os.path.relpath(os.path.join(directory, n), root) for n in [*dirs, *files]}
    return found


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def test_the_upper_image_wins_and_the_last_dependency_lies_higher(pile: Pile) -> None:
    pile.image("low", {"/a": b"low", "/b": b"low", "/c": b"low"})
    pile.image("mid", {"/b": b"mid", "/c": b"mid"})
    root = pile.render(pile.image("top", {"/c": b"top"}, ["low", "mid"]))

    assert [_read(f"{root}/{name}") for name in "abc"] == [b"low", b"mid", b"top"]


def test_a_file_above_hides_a_whole_directory_below(pile: Pile) -> None:
    pile.image("low", {"/d/x": b"", "/d/e/y": b"", "/s/z": b""})
    root = pile.render(pile.image("top", {"/d": b"file", "/s": archive.symlink("/etc")}, ["low"]))

    assert _names(root) == {"d", "s"}


def test_a_directory_above_keeps_its_mode_and_gains_files(pile: Pile) -> None:
    pile.image("low", {"/d": archive.directory(0o700), "/d/low": b""})
    root = pile.render(pile.image("top", {"/d": archive.directory(0o750), "/d/top": b""}, ["low"]))

    assert stat.S_IMODE(os.stat(f"{root}/d").st_mode) == 0o750
    assert _names(root) == {"d", "d/low", "d/top"}


def test_a_whitelist_keeps_listed_files_and_bare_directories(pile: Pile) -> None:
    files: dict[str, Content] = {"/a/1": b"", "/a/2": b"", "/c/3": b""}
    key = pile.image("one", files, pathWhitelist=["/a/1", "/c/"])

    assert _names(pile.render(key)) == {"a", "a/1", "c"}


def test_a_whitelist_above_binds_directories_below_too(pile: Pile) -> None:
    pile.image("low", {"/a/1": b"1", "/b/2": b"2"})
    key = pile.image("top", {"/t": b""}, ["low"], pathWhitelist=["/t", "/a/1"])
    root = pile.render(key)

    assert _names(root) == {"t", "a", "a/1"}  # /a is there as a parent only


def test_a_hard_link_keeps_its_content_where_its_target_is_hidden(pile: Pile) -> None:
    pile.image("low", {"/a": b"lower", "/b": archive.hardlink("rootfs/a")})
    root = pile.render(pile.image("top", {"/a": b"upper"}, ["low"]))

    assert (_read(f"{root}/a"), _read(f"{root}/b")) == (b"upper", b"lower")


def test_a_diamond_renders(pile: Pile) -> None:
    pile.image("d", {"/d": b"d"})
    pile.image("b", {"/b": b"b"}, ["d"])
    pile.image("c", {"/c": b"c"}, ["d"])
    root = pile.render(pile.image("a", {"/a": b"a"}, ["b", "c"]))

    assert _names(root) == set("abcd")


def test_a_missing_dependency_is_an_error_and_leaves_no_tree(pile: Pile) -> None:
    key = pile.image("top", {"/t": b""}, ["missing"])

    with pytest.raises(DependencyError, match=r'dependency "example\.com/missing"'):
        pile.render(key)
    assert os.listdir(pile.store.layout.trees) == []


def test_a_damaged_blob_is_never_rendered(pile: Pile) -> None:
    path = build_aci(pile.directory / "a.aci", files={"/f": b"good"})
    key = add(pile.store, path, Terms(render=False))
    blob = pile.store.layout.blob(key)
    with open(blob, "r+b") as file:
        file.seek(-600, 2)
        file.write(b"\0\1")

    with pytest.raises(ImageDamagedError, match="image hash does not match expected"):
        pile.render(key)
    assert os.listdir(pile.store.layout.trees) == []
    assert os.listdir(pile.store.layout.cas_tmp) == []


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "no hash", "other version"])
def test_damage_to_a_tree_is_found_and_repaired(pile: Pile, damage: str) -> None:
    key = pile.image("one", {"/f": b"content", "/g": b"more"})
    trees = Trees(pile.store.layout)
    tree_id = trees.tree_id_of(pile.store, key)
    tree = pile.store.layout.tree(tree_id)
    if damage == "removed":
        os.unlink(f"{tree}/rootfs/f")
    elif damage == "no hash":
        os.unlink(f"{tree}/hash")
    else:
        name = {"changed": "rootfs/f", "added": "rootfs/new", "other version": "hash"}[damage]
        with open(f"{tree}/{name}", "w") as file:
            file.write("contenT")

    with pytest.raises(TreeError, match=r"wrong tree hash: v1|cannot read hash file|unknown ver"):
        trees.verify(tree_id)
    trees.render(pile.store, key, rebuild=True)

    trees.verify(tree_id)
    assert _read(f"{tree}/rootfs/f") == b"content"
    assert os.listdir(pile.store.layout.cas_tmp) == []


def test_a_tree_made_by_hand_is_adopted_once(pile: Pile) -> None:
    pile.store.scratch()
    trees = Trees(pile.store.layout)
    calls = []

    def fill(rootfs: str) -> None:
        calls.append(rootfs)
        with open(f"{rootfs}/file", "w") as file:
            file.write("hand-made")

    for _ in range(2):
        trees.adopt("deps-sha512-hand", fill, b"{}")

    assert len(calls) == 1
    trees.verify("deps-sha512-hand")
    trees.remove("deps-sha512-hand")
    assert leftovers(pile.store.layout) == []
