"""Layers on layers, as the OCI specification has them; each case is small enough to see through."""

from __future__ import annotations

import os
import tarfile
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.host.archive.squash import Layers, squash
from tests.support import archive
from tests.support.layouts import layer, whiteout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.archive import Entry

    Content = Mapping[str, bytes | str | Entry]


def _image(*layers: Content, limits: Limits | None = None) -> tuple[bytes, tuple[str, ...]]:
    fds = [os.memfd_create("layer") for _layer in layers]
    out = os.memfd_create("image")
    try:
        for fd, content in zip(fds, layers, strict=True):
            os.write(fd, layer(content))
        warnings = squash(Layers(tuple(fds), b"{}", limits or Limits()), out)
        return os.pread(out, 1 << 22, 0), warnings
    finally:
        for fd in (*fds, out):
            os.close(fd)


def _tree(*layers: Content) -> dict[str, str]:
    """Return what became of the layers: path → content, ``->`` target, ``=`` first name or /."""
    found = {}
    with tarfile.open(fileobj=BytesIO(_image(*layers)[0])) as image:
        assert image.getnames()[:2] == ["manifest", "rootfs"]
        for member in image.getmembers()[2:]:
            name = member.name.removeprefix("rootfs/")
            if member.isdir():
                found[name] = "/"
            elif member.issym():
                found[name] = "->" + member.linkname
            elif member.islnk():
                found[name] = "=" + member.linkname.removeprefix("rootfs/")
            else:
                file = image.extractfile(member)
                assert file is not None
                found[name] = file.read().decode()
    return found


def test_upper_layers_win_and_directories_merge() -> None:
    base: Content = {"d": archive.directory(0o700), "d/a": "1", "d/b": "1"}
    top: Content = {"d": archive.directory(), "d/b": "2"}

    assert _tree(base, top) == {"d": "/", "d/a": "1", "d/b": "2"}


def test_a_whiteout_deletes_below_only_wherever_it_stands() -> None:
    base: Content = {"d": archive.directory(), "d/x": "1", "f": "1", "kept": "1"}
    top: Content = {
        "f": "2", ".wh.f": whiteout(), ".wh.d": whiteout(), "d": archive.directory(), "d/new": "2",
    }  # fmt: skip

    assert _tree(base, top) == {"d": "/", "d/new": "2", "f": "2", "kept": "1"}


def test_an_opaque_directory_hides_what_lower_layers_have_in_it() -> None:
    base: Content = {"d/x": "1", "d/e/y": "1", "f": "1"}
    top: Content = {"d/new": "2", "d/.wh..wh..opq": whiteout()}

    assert _tree(base, top) == {"d": "/", "d/new": "2", "f": "1"}


def test_what_a_file_replaced_does_not_come_back() -> None:
    layers: list[Content] = [{"d/x": "1"}, {"d": "file"}, {"d/y": "3"}]

    assert _tree(*layers) == {"d": "/", "d/y": "3"}


def test_a_lower_link_is_replaced_not_followed() -> None:
    layers: list[Content] = [{"run": archive.symlink("/etc"), "etc/a": "1"}, {"run/pid": "2"}]

    assert _tree(*layers) == {"etc": "/", "etc/a": "1", "run": "/", "run/pid": "2"}


def test_hard_links_reach_into_lower_layers_and_survive_their_first_name() -> None:
    base: Content = {"a": "1", "b": archive.hardlink("a"), "c": archive.hardlink("/a")}
    top: Content = {"z": archive.hardlink("b"), ".wh.a": whiteout()}

    assert _tree(base, {"y": archive.hardlink("a")}) == {"a": "1", "b": "=a", "c": "=a", "y": "=a"}
    assert _tree(base, top) == {"b": "1", "c": "=b", "z": "=b"}


def test_rewriting_one_of_several_names_changes_that_one_only() -> None:
    assert _tree({"a": "1", "b": archive.hardlink("a")}, {"a": "2"}) == {"a": "2", "b": "1"}


def test_upper_layers_describe_directories_and_the_root() -> None:
    base: Content = {"./": archive.directory(0o700), "d": archive.directory(0o700), "d/a": "1"}
    top: Content = {"./": archive.directory(0o711), "d": archive.directory(0o1777, uid=5)}

    with tarfile.open(fileobj=BytesIO(_image(base, top)[0])) as image:
        root, found = image.getmember("rootfs"), image.getmember("rootfs/d")
    assert (root.mode, found.mode, found.uid) == (0o711, 0o1777, 5)


def test_attributes_that_belong_to_a_host_are_left_out() -> None:
    names = ("user.note", "trusted.overlay.opaque", "user.overlay.redirect", "security.selinux")
    pax = {f"SCHILY.xattr.{name}": "x" for name in names}

    with tarfile.open(fileobj=BytesIO(_image({"a": replace(archive.file(), pax=pax)})[0])) as image:
        kept = image.getmember("rootfs/a").pax_headers
    assert kept == {"SCHILY.xattr.user.note": "x"}


def test_absolute_names_and_the_notes_of_aufs_are_what_they_are_elsewhere() -> None:
    content: Content = {"/": archive.directory(), "/a": "1", ".wh..wh.plnk": whiteout()}

    assert _tree(content) == {"a": "1"}


def test_the_same_layers_give_the_same_bytes_in_any_order_of_names() -> None:
    one: Content = {"a": "1", "d/b": "2", "d/c": "3"}

    assert _image(one)[0] == _image({name: one[name] for name in reversed(list(one))})[0]


def test_devices_that_could_do_harm_are_left_out_and_told() -> None:
    content: Content = {"null": archive.device("c", 1, 3), "sda": archive.device("b", 8, 0)}

    assert _image(content)[1] == ("leaving out device node sda",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"../x": "1"}, 'path with ".."'),
        ({"a/.wh...": whiteout()}, "whiteout of nothing"),
        ({".wh..": whiteout()}, "whiteout of nothing"),
        ({"a/.wh.": whiteout()}, "whiteout of nothing"),
        ({"a/../.wh.b": whiteout()}, 'path with ".."'),
        ({"a": archive.symlink("/"), "a/x": "1"}, "which is not a directory"),
        ({"a": archive.hardlink("../../etc/passwd")}, 'path with ".."'),
        ({"a": archive.hardlink("/etc/passwd")}, "not a file before it"),
        ({"d": archive.directory(), "a": archive.hardlink("d")}, "not a file before it"),
        ({"w": archive.device("c", 0, 0)}, "device node not allowed"),
        ({".": "1"}, "root of a layer is not a directory"),
    ],
)
def test_hostile_layers_are_refused(content: Content, words: str) -> None:
    with pytest.raises(ArchiveError, match=words):
        _image(content)


def test_many_layers_have_no_more_entries_than_one_may_have() -> None:
    content: Content = {str(n): "" for n in range(60)}

    with pytest.raises(ArchiveError, match="more than 100 entries"):
        _image(content, content, limits=Limits(entries=100))


def test_what_was_multiplied_by_links_across_layers_is_counted_once() -> None:
    base: Content = {"a": b"x" * 1000}

    with pytest.raises(ArchiveError, match="larger than 1500 bytes"):
        _image(base, {"b": b"x" * 1000}, limits=Limits(stream=1500))
    assert _image(base, {"b": archive.hardlink("a")}, limits=Limits(stream=15000))


def test_directories_that_are_only_implied_count_as_entries() -> None:
    with pytest.raises(ArchiveError, match="more than 50 entries"):
        _image({"d/" * 30 + "f": "", "e/" * 30 + "f": ""}, limits=Limits(entries=50))
