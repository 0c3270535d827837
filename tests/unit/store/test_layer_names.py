"""Which layers a tree says it has, to the collector and to who wants to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.store.trees import ListError, TreeError, Trees, mark_of

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["sha256-" + "a" * 64, "sha256-" + "b" * 64]


def a_tree(data: Path, *, mark: bytes | None, names: list[str]) -> Trees:
    tree = data / "cas/tree/it"
    tree.mkdir(parents=True)
    (tree / "layers").write_text("\n".join(names))
    if mark is not None:
        (tree / "rendered").write_bytes(mark)
    return Trees(Layout(str(data)))


def test_a_tree_that_went_while_it_was_looked_at_has_no_layers(tmp_path: Path) -> None:
    assert Trees(Layout(str(tmp_path))).layer_names("gone") == []


@pytest.mark.parametrize("mark", [None, b"", b"00000000"])
def test_the_collector_reads_a_list_whatever_its_mark_says(
    tmp_path: Path, mark: bytes | None
) -> None:
    assert a_tree(tmp_path, mark=mark, names=NAMES).layer_names("it") == NAMES


def test_nothing_is_started_on_a_list_that_is_not_the_one_it_was(tmp_path: Path) -> None:
    trees = a_tree(tmp_path, mark=mark_of(NAMES[0].encode()), names=NAMES)

    with pytest.raises(ListError, match="damaged"):
        trees.lowers("it")


def test_nothing_is_started_on_a_tree_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="not there") as caught:
        Trees(Layout(str(tmp_path))).lowers("gone")

    assert caught.value.hint == "make it with: rktpy fetch IMAGE"
