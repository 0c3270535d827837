"""The order of images in a tree, and who may contribute what (images.md 3.12, 3.13)."""

from __future__ import annotations

import pytest

from rktpy.appc.image import Dependency, ImageManifest
from rktpy.store.dependencies import DependencyError, Part, flatten, whitelist


class Shelf:
    """A catalog in memory: a name is its own key."""

    def __init__(self, **images: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        self._images = images

    def manifest(self, key: str) -> ImageManifest:
        below, paths = self._images[key]
        dependencies = tuple(Dependency(name) for name in below)
        return ImageManifest(key, "0.8.11", dependencies=dependencies, path_whitelist=paths)

    def dependency(self, wanted: Dependency) -> str | None:
        return wanted.image_name if wanted.image_name in self._images else None


def _order(**images: str) -> str:
    shelf = Shelf(**{name: (tuple(below), ()) for name, below in images.items()})
    return "".join(part.key for part in flatten(shelf, "a"))


def test_the_last_dependency_comes_first() -> None:
    assert _order(a="bc", b="", c="d", d="") == "acdb"


def test_a_diamond_lists_the_shared_image_twice() -> None:
    assert _order(a="bc", b="d", c="d", d="") == "acdbd"


def test_an_image_alone_is_its_own_tree() -> None:
    assert _order(a="") == "a"


def test_a_missing_dependency_is_named() -> None:
    with pytest.raises(DependencyError, match='the dependency "z" of image "b"'):
        _order(a="b", b="z")


def test_a_loop_is_an_error() -> None:
    with pytest.raises(DependencyError, match='dependency loop detected at image "a"'):
        _order(a="b", b="a")


def test_exponential_diamonds_are_stopped() -> None:
    images = {f"i{n}": ((f"i{n + 1}", f"i{n + 1}"), ()) for n in range(30)}
    shelf = Shelf(**images, i30=((), ()))

    with pytest.raises(DependencyError, match="too many dependencies"):
        flatten(shelf, "i0")


def test_a_whitelist_binds_the_branch_below_it_and_no_sibling() -> None:
    own = frozenset({b"x"})
    shelf = Shelf(
        a=(("b", "c"), ()), b=((), ()), c=(("d",), ("/x",)), d=((), ()),
    )  # fmt: skip

    assert flatten(shelf, "a") == (
        Part("a"), Part("c", own), Part("d", None, (own,)), Part("b"),
    )  # fmt: skip


def test_whitelist_entries_are_cleaned_as_rkt_does() -> None:
    paths = ("/a/file", "b/dir/", "../etc", "/c/../d", "/")

    assert whitelist(paths) == frozenset({b"a/file", b"b/dir", b"d"})
    assert whitelist(()) is None
