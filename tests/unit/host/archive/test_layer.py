"""One layer alone, and layers stacked in dictionaries against the same layers squashed."""

from __future__ import annotations

import os
import random
import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.host.archive.squash import Layers, squash
from rktpy.host.tree.xattrs import keeps_xattr
from tests.support import archive
from tests.support.layouts import layer, whiteout
from tests.support.stacked import Unpacked, stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.archive import Entry
    from tests.support.stacked import Facts

    Content = Mapping[str, bytes | str | Entry]

_DIR, _GONE = ("d", 0o755, b""), ("-", 0, b"")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "layer"


def _unpack(root: Path, content: Content, limits: Limits | None = None) -> Unpacked:
    return Unpacked(root, layer(content), limits)


def _file(text: str) -> Facts:
    return "f", 0o644, text.encode()


def test_what_is_not_described_is_implied(root: Path) -> None:
    found = _unpack(root, {"a/b/f": "1", "a/c": archive.directory(0o700)})

    assert found.facts()[b"a/b"] == _DIR
    assert found.ends.implied == (b"a", b"a/b")
    assert (found.ends.bare, found.ends.rooted) == ((), False)
    assert os.stat(root / "a/b").st_mtime_ns == os.stat(root).st_mtime_ns == 0


def test_a_described_root_is_told(root: Path) -> None:
    found = _unpack(root, {"./": archive.directory(0o711), "f": "1"})

    assert (found.ends.rooted, os.stat(root).st_mode & 0o7777) == (True, 0o711)
    assert os.stat(root).st_mtime == archive.MTIME


def test_deleted_names_become_devices_and_what_is_there_only_for_them_is_bare(root: Path) -> None:
    found = _unpack(root, {"a/b/.wh.x": whiteout(), "a/f": "1", ".wh.y": whiteout()})

    assert found.facts() == {
        b"a": _DIR, b"a/b": _DIR, b"a/b/x": _GONE, b"a/f": _file("1"), b"y": _GONE,
    }  # fmt: skip
    assert found.ends.implied == (b"a", b"a/b")
    assert (found.ends.bare, found.ends.deleting) == ((b"a/b",), (b"a/b",))


def test_a_deleted_name_that_comes_back_is_opaque_if_it_is_a_directory(root: Path) -> None:
    marks: Content = {".wh.d": whiteout(), ".wh.f": whiteout(), ".wh.g": whiteout()}
    found = _unpack(root, {"d/x/y": "1", "f": "1", "g": archive.directory(0o700), **marks})

    assert found.opaque == {b"d", b"g"}
    assert found.facts()[b"f"] == _file("1")
    assert found.ends.implied == ()  # nothing of it can come from below


def test_an_opaque_directory_has_its_attributes_from_below(root: Path) -> None:
    found = _unpack(root, {"d/.wh..wh..opq": whiteout(), "d/e/f": "1", "d/.wh.x": whiteout()})

    assert (found.opaque, found.ends.implied, found.ends.bare) == ({b"d"}, (b"d",), ())
    assert b"d/x" not in found.facts()


def test_opaque_directories_may_be_bare_and_the_root_too(root: Path, tmp_path: Path) -> None:
    bare = _unpack(root, {"d/.wh..wh..opq": whiteout()})
    assert (bare.opaque, bare.ends.bare, bare.ends.deleting) == ({b"d"}, (b"d",), ())

    content: Content = {".wh..wh..opq": whiteout(), "d/f": "1", "e/.wh.x": whiteout()}
    whole = _unpack(tmp_path / "whole", content)
    assert (whole.opaque, whole.ends.implied) == ({b""}, ())
    assert set(whole.facts()) == {b"d", b"d/f"}


@pytest.mark.parametrize(
    "content",
    [
        {"d": "file", "d/.wh.x": whiteout()},
        {"d": archive.symlink("e"), "d/.wh..wh..opq": whiteout()},
        {"d": "file", "d/e/.wh.x": whiteout()},
    ],
)
def test_deletions_below_what_is_no_directory_mean_nothing(root: Path, content: Content) -> None:
    found = _unpack(root, content)

    assert set(found.facts()) == {b"d"}
    assert found.opaque == set()


def test_deletions_in_a_deleted_directory_do_not_bring_it_back(root: Path) -> None:
    content: Content = {
        ".wh.d": whiteout(), "d/.wh.x": whiteout(), "d/.wh..wh..opq": whiteout(),
    }  # fmt: skip

    assert _unpack(root, content).facts() == {b"d": _GONE}


def test_of_names_that_stand_twice_the_last_one_wins(root: Path) -> None:
    entries = [
        replace(archive.file("1"), name="f"),
        replace(archive.directory(0o700), name="d", pax={"SCHILY.xattr.user.x": "1"}),
        replace(archive.file("1"), name="d/a"),
        replace(archive.directory(0o711), name="d"),
        replace(archive.file("22"), name="f"),
        replace(archive.file("1"), name="g/h/i"),
        replace(archive.file("3"), name="g"),
    ]
    found = Unpacked(root, archive.tar_bytes(entries))

    assert found.facts() == {
        b"d": ("d", 0o711, b""), b"d/a": _file("1"), b"f": _file("22"), b"g": _file("3"),
    }  # fmt: skip
    assert not [name for name in os.listxattr(root / "d") if keeps_xattr(name.encode())]
    assert found.ends.implied == ()


def test_a_directory_that_was_a_file_before_hides_what_is_below(root: Path) -> None:
    entries = [replace(archive.file("1"), name="d"), replace(archive.directory(), name="d")]

    assert Unpacked(root, archive.tar_bytes(entries)).opaque == {b"d"}


def test_links_to_what_the_layer_does_not_have_are_borrowed(root: Path) -> None:
    content: Content = {
        "b": archive.hardlink("/a"), "c": archive.hardlink("b"), "d/a": archive.hardlink("d/x"),
        "a": "new", "e": archive.hardlink("a"), "x": archive.hardlink("x"),
    }  # fmt: skip
    found = _unpack(root, content)

    assert found.ends.links == ((b"b", b"a"), (b"c", b"a"), (b"d/a", b"d/x"), (b"x", b"x"))
    assert found.facts()[b"b"] == ("f", 0o600, b"")
    assert os.stat(root / "b").st_mtime == 0
    assert os.path.samefile(root / "a", root / "e")
    assert found.ends.implied == (b"d",)


def test_a_link_may_replace_the_directory_it_leads_into(root: Path) -> None:
    entries = [
        replace(archive.file("1"), name="d/x"),
        replace(archive.hardlink("d/x"), name="d"),
        replace(archive.hardlink("d"), name="d"),
    ]

    assert Unpacked(root, archive.tar_bytes(entries)).facts() == {b"d": _file("1")}


def test_the_size_is_of_what_is_there_in_the_end(root: Path, tmp_path: Path) -> None:
    entries = [replace(archive.file(b"x" * 5000), name="f"), replace(archive.file("1"), name="f")]

    twice = Unpacked(root, archive.tar_bytes(entries)).outcome
    once = _unpack(tmp_path / "once", {"f": "1"}).outcome
    assert (twice.tree_size, twice.tree_hash) == (once.tree_size, once.tree_hash)


def test_nothing_but_zeros_is_an_empty_layer(root: Path) -> None:
    found = Unpacked(root, bytes(1024))

    assert (found.facts(), found.outcome.entries) == ({}, 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"../x": "1"}, 'path with ".."'),
        ({"a/.wh...": whiteout()}, "whiteout of nothing"),
        ({"a/.wh.": whiteout()}, "whiteout of nothing"),
        ({"a/../.wh.b": whiteout()}, 'path with ".."'),
        ({"a": archive.symlink("/"), "a/x": "1"}, "which is not a directory"),
        ({"a": archive.hardlink("../../etc/passwd")}, 'path with ".."'),
        ({"d/f": "1", "a": archive.hardlink("d")}, "not a file before it"),
        ({"a": archive.hardlink("/")}, "not a file before it"),
        ({"d": "1", "a": archive.hardlink("d/e")}, "not a file before it"),
        ({"a": archive.hardlink("b"), ".wh.b": whiteout()}, "not a file before it"),
        ({"a": archive.hardlink("d/b"), "d/.wh..wh..opq": whiteout()}, "not a file before it"),
        ({"w": archive.device("c", 0, 0)}, "device node not allowed"),
        ({".": "1"}, "root of a layer is not a directory"),
    ],
)
def test_hostile_layers_are_refused(root: Path, content: Content, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        _unpack(root, content)


@pytest.mark.parametrize(
    "content", [{str(n): "" for n in range(11)}, {"a/b/c/d/e/f": ""}, {"a/b/c/d/.wh.x": ""}]
)
def test_implied_directories_and_marks_count_as_entries(root: Path, content: Content) -> None:
    with pytest.raises(ArchiveError, match="more than 5 entries"):
        _unpack(root, content, Limits(entries=5))


def _squashed(layers: list[bytes]) -> dict[bytes, Facts]:
    fds = [os.memfd_create("layer") for _layer in layers]
    out = os.memfd_create("image")
    try:
        for fd, data in zip(fds, layers, strict=True):
            os.write(fd, data)
        squash(Layers(tuple(fds), b"{}"), out)
        image = os.pread(out, 1 << 22, 0)
    finally:
        for fd in (*fds, out):
            os.close(fd)
    found: dict[bytes, Facts] = {}
    with tarfile.open(fileobj=BytesIO(image)) as tar:
        for member in tar.getmembers()[2:]:
            name = os.fsencode(member.name.removeprefix("rootfs/"))
            if member.islnk():
                found[name] = found[os.fsencode(member.linkname.removeprefix("rootfs/"))]
            elif member.issym():
                found[name] = ("l", 0, os.fsencode(member.linkname))
            else:
                file = tar.extractfile(member)
                kind = "d" if member.isdir() else "f"
                found[name] = (kind, member.mode, file.read() if file else b"")
    return found


class _Wild:
    """Layers of members in any order, of few names: whatever can meet does meet."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._files: list[str] = []

    def layers(self) -> list[bytes]:
        return [self._layer(number) for number in range(self._dice.randint(1, 4))]

    def _layer(self, number: int) -> bytes:
        members = [self._member(f"{number}.{step}") for step in range(self._dice.randint(1, 9))]
        return archive.tar_bytes(members)

    def _member(self, text: str) -> Entry:
        dice = self._dice
        name = "/".join(dice.choices("abc", k=dice.choice([1, 1, 2, 2, 2, 3])))
        parent, _, last = name.rpartition("/")
        kind = dice.choice("ffddshhwwwo" if self._files else "ffddswwwo")
        if kind == "w":
            return replace(whiteout(), name=f"{parent}/.wh.{last}".lstrip("/"))
        if kind == "o":
            above = dice.choice([name, name, name, ""])
            return replace(whiteout(), name=f"{above}/.wh..wh..opq".lstrip("/"))
        if kind == "d":
            return replace(archive.directory(dice.choice([0o755, 0o700, 0o1777])), name=name)
        made = archive.file(text, dice.choice([0o644, 0o600]))
        if kind == "h":
            made = archive.hardlink(dice.choice(self._files[-6:]))
        elif kind == "s":
            made = archive.symlink(text)
        self._files.append(name)
        return replace(made, name=name)


@pytest.mark.parametrize("seed", range(40))
def test_stacked_layers_are_what_they_are_squashed(seed: int) -> None:
    layers = _Wild(seed).layers()
    with TemporaryDirectory() as place:

        def stacked() -> Mapping[bytes, Facts]:
            return stack([Unpacked(Path(place, str(n)), data) for n, data in enumerate(layers)])

        try:
            expected = _squashed(layers)
        except ArchiveError as refused:
            # A link that is overwritten again may have led anywhere: it leaves nothing to tie up.
            if "not a file before it" not in refused.message:
                with pytest.raises(ArchiveError):
                    stacked()
            return
        assert stacked() == expected
