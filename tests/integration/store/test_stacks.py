"""Images of layers in the store: kept once, stacked, tied up, checked."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.ends import LooseEnds
from rktpy.host.tree.copy import copy_tree
from rktpy.store.layers import OPAQUE, LayerError, Layers, can_stack
from rktpy.store.stacks import verify_stack
from rktpy.store.trees import TreeError, Trees
from tests.integration.store.dying import collect
from tests.integration.store.layered import add_stack, build, diff_id, filled
from tests.integration.store.support import a_store

if TYPE_CHECKING:
    from pathlib import Path

    from rktpy.store.images import ImageStore

pytestmark = pytest.mark.integration


def _merged(store: ImageStore, key: str, target: Path) -> Path:
    trees = Trees(store.layout)
    copy_tree(trees.lowers(trees.tree_id_of(store, key)), str(target))
    return target


def test_layers_are_kept_once_and_shown_together(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    base = filled({"bin/app": b"app", "etc/a": b"1", "etc/b": b"2", "gone/x": b"3"})
    first = add_stack(store, {"base": base, "one": filled({"etc/a": b"one", "gone": None})})
    second = add_stack(
        store, {"base": base, "two": filled({"etc/c": b"two"})}, name="example.com/2"
    )

    shown = _merged(store, first, tmp_path / "first")

    assert sorted(os.listdir(shown)) == ["bin", "etc"]
    assert (shown / "etc/a").read_bytes() == b"one"
    assert sorted(os.listdir(_merged(store, second, tmp_path / "second") / "etc")) == [
        "a",
        "b",
        "c",
    ]
    assert len(Layers(store.layout).ids()) == 3
    assert store.complete(first)
    assert can_stack(store.layout)
    document = store.document(first)
    assert document is not None
    assert document.diff_ids == (diff_id("base"), diff_id("one"))


def test_the_same_image_has_the_same_id_on_any_store(tmp_path: Path) -> None:
    layers = {"base": filled({"bin/app": b"app"})}

    keys = {add_stack(a_store(tmp_path / name), layers) for name in ("a", "b")}

    assert len(keys) == 1


def test_loose_ends_are_tied_up(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    base = filled({"srv": 0o2750, "srv/data": b"data", "run": b"a file", "x/y": b""})

    def upper(rootfs: str) -> object:
        os.mkdir(f"{rootfs}/srv")
        for path in ("srv/new", "linked", "again"):
            with open(f"{rootfs}/{path}", "w"):
                pass
        os.mkdir(f"{rootfs}/run")
        os.mkdir(f"{rootfs}/nowhere")
        return filled(
            {"run/pid": None, "nowhere/pid": None},
            LooseEnds(
                implied=(b"nowhere", b"run", b"srv"),
                bare=(b"nowhere", b"run"),
                links=((b"linked", b"srv/data"), (b"again", b"srv/data")),
                deleting=(b"nowhere", b"run"),
            ),
        )(rootfs)

    key = add_stack(store, {"base": base, "upper": upper})  # type: ignore[dict-item]

    shown = _merged(store, key, tmp_path / "shown")
    assert sorted(os.listdir(shown)) == ["again", "linked", "run", "srv", "x"]
    assert os.stat(shown / "srv").st_mode & 0o7777 == 0o2750
    assert (shown / "run").read_bytes() == b"a file"
    assert (shown / "linked").read_bytes() == b"data"
    assert len({os.stat(shown / p).st_ino for p in ("linked", "again", "srv/data")}) == 1


def test_a_directory_alone_with_its_deletions_shows_none(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    base = filled({"bin/app": b"app"})
    upper = filled({"d/gone": None, "d/here": b"1"}, LooseEnds(rooted=True, deleting=(b"d",)))

    shown = _merged(store, add_stack(store, {"base": base, "up": upper}), tmp_path / "shown")

    assert os.listdir(shown / "d") == ["here"]


def test_an_opaque_root_hides_all_below_it(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    base = filled({"bin/old": b"old"})
    key = add_stack(store, {"base": base, "up": filled({"bin/new": b"new"}, opaque=("",))})

    shown = _merged(store, key, tmp_path / "shown")

    assert os.listdir(shown / "bin") == ["new"]
    verify_stack(store, key, Trees(store.layout).tree_id_of(store, key))


def test_a_layer_that_comes_twice_is_mounted_once(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    layers = {"same": filled({"a": b"same"}), "other": filled({"a": None, "b": b"other"})}
    build(store.layout, layers)
    same, other = diff_id("same"), diff_id("other")
    manifest = store.manifest(add_stack(store, layers))

    key = store.add_layered(manifest, (same, other, same))

    assert sorted(os.listdir(_merged(store, key, tmp_path / "shown"))) == ["a", "b"]


def test_as_many_layers_as_there_may_be(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    layers = {f"layer {n}": filled({"d/which": str(n).encode(), f"d/{n}": b""}) for n in range(200)}

    shown = _merged(store, add_stack(store, layers), tmp_path / "shown")

    assert len(os.listdir(shown / "d")) == 201
    assert (shown / "d/which").read_bytes() == b"199"


@pytest.mark.parametrize("harm", ["changed", "missing", "added", "undeleted", "ends", "opaque"])
def test_any_damage_of_a_layer_is_found_and_mended_by_building_again(
    tmp_path: Path, harm: str
) -> None:
    store = a_store(tmp_path)
    content = {"a": b"1", "b": b"2", "c": None, "d": 0o755}
    layers = {"base": filled({"c": b"3"}), "up": filled(content, opaque=("d",))}
    key = add_stack(store, layers)
    trees, up = Trees(store.layout), diff_id("up")
    tree_id, rootfs = trees.tree_id_of(store, key), Layers(store.layout).rootfs(up)
    verify_stack(store, key, tree_id)

    if harm == "changed":
        with open(f"{rootfs}/a", "r+b") as file:
            file.write(b"9")
    elif harm == "missing":
        os.unlink(f"{rootfs}/b")
    elif harm == "added":
        os.mkdir(f"{rootfs}/e")
    elif harm == "undeleted":
        os.unlink(f"{rootfs}/c")
    elif harm == "ends":
        with open(f"{rootfs}/../ends", "ab") as file:
            file.write(b" ")
    else:
        os.removexattr(f"{rootfs}/d", OPAQUE)

    with pytest.raises(LayerError, match=f"layer {up} is damaged"):
        verify_stack(store, key, tree_id)
    assert not store.complete(key)
    assert Layers(store.layout).hold(up) is None
    with pytest.raises(TreeError, match=f"layer {up} of the image is missing or damaged"):
        trees.render(store, key)

    assert add_stack(store, layers) == key
    verify_stack(store, key, tree_id)
    assert store.complete(key)


def test_a_damaged_top_is_found_and_made_again(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    key = add_stack(store, {"base": filled({"a": b"1"})})
    trees = Trees(store.layout)
    tree_id = trees.tree_id_of(store, key)
    for harm in ("rootfs/stray", "layers"):
        with open(f"{store.layout.tree(tree_id)}/{harm}", "w") as file:
            file.write("x")

        with pytest.raises(TreeError, match=r"wrong|damaged"):
            verify_stack(store, key, tree_id)
        trees.render(store, key, rebuild=True)
        verify_stack(store, key, tree_id)


def test_a_tree_that_is_read_is_left_for_the_next_collection(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    key = add_stack(store, {"base": filled({"a": b"1"})})
    trees = Trees(store.layout)
    store.remove(key)

    with trees.hold(trees.tree_id([key])):
        collect(store.layout)
        assert trees.ids() == [trees.tree_id([key])]
        assert len(Layers(store.layout).ids()) == 1
    collect(store.layout)

    assert (trees.ids(), Layers(store.layout).ids()) == ([], [])
