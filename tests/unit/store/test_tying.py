"""A stack of layers with its top shows what squashing the layers makes."""

from __future__ import annotations

import os
from typing import TypeAlias

import pytest
from hypothesis import assume, given

from rktpy.host.archive.ends import LooseEnds
from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError, Limits
from rktpy.host.archive.reader import GrowingFile, TarReader
from rktpy.host.archive.squash import _Squasher
from rktpy.store import tying
from rktpy.store.tying import DIRECTORY, OTHER, Node, Top, tie_up
from tests.support.layermodel import (
    DEFAULT,
    FILE,
    Layer,
    Memory,
    Stream,
    a_member,
    made_top,
    overlay,
)
from tests.support.layerstreams import layer_streams, tar_of

Shown: TypeAlias = "dict[bytes, tuple[str, tuple[int, int, int], object]]"


def _squashed(streams: list[Stream]) -> Shown:
    squasher = _Squasher(Limits())
    for stream in streams:
        fd = os.memfd_create("layer")
        os.write(fd, tar_of(stream))
        try:
            squasher.apply(TarReader(GrowingFile(fd), Limits()))
        finally:
            os.close(fd)
    found: Shown = {}
    pending = [(b"", squasher._root)]
    while pending:
        path, entry = pending.pop()
        member = entry.inode.member if entry.inode else None
        attributes = (member.mode, member.uid, member.mtime) if member else DEFAULT
        if entry.children is None:
            found[path] = (OTHER, attributes, entry.inode)
            continue
        found[path] = (DIRECTORY, attributes, None)
        prefix = path + b"/" if path else b""
        pending += [(prefix + name, child) for name, child in entry.children.items()]
    return found


def _stacked(streams: list[Stream]) -> Shown:
    layers = [Layer(stream) for stream in streams]
    top = tie_up(Memory(layers), [layer.ends for layer in layers])
    stack = [made_top(top, layers)]
    for layer in reversed(layers):
        stack.append(layer.entries)
        if layer.entries[b""].opaque:
            break
    return overlay(stack)


def _same_files(
    shown: Shown,
) -> set[frozenset[bytes]]:
    groups: dict[int, set[bytes]] = {}
    for path, (kind, _attributes, inode) in shown.items():
        if kind == OTHER:
            groups.setdefault(id(inode), set()).add(path)
    return {frozenset(group) for group in groups.values()}


# Others each time; overlayfs itself is asked by tests/integration/store/test_stack_like_squash.py.
@given(layer_streams())
def test_a_stack_shows_what_squashing_makes(streams: list[Stream]) -> None:
    try:
        squashed = _squashed(streams)
    except ArchiveError:
        assume(False)

    stacked = _stacked(streams)

    assert {p: v[:2] for p, v in stacked.items()} == {p: v[:2] for p, v in squashed.items()}
    assert _same_files(stacked) == _same_files(squashed)


def _implied(*paths: bytes, rooted: bool = False) -> LooseEnds:
    return LooseEnds(implied=paths, rooted=rooted)


class Everywhere:
    """Layers that all have the directories ``d`` and ``d/d``, and so on, to any depth."""

    def node(self, _layer: int, _path: bytes) -> Node:
        return Node(DIRECTORY)

    def same_file(self, _layer: int, path: bytes) -> list[bytes]:
        return [path]


def test_two_hundred_layers_that_say_nothing_are_no_deeper_than_the_stack_of_calls() -> None:
    top = tie_up(Everywhere(), [LooseEnds(), *[_implied(b"d")] * 199])

    assert top == Top(-1, ((b"d", 0),))


def test_a_stack_that_asks_for_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [b"%d" % number for number in range(300)]
    deep = b"/".join([b"d"] * 250)

    for limit, implied in (("MAX_LOOKUPS", paths), ("MAX_STEPS", [deep])):
        monkeypatch.setattr(tying, limit, 5000)
        with pytest.raises(ArchiveLimitError, match="leave too much open"):
            tie_up(Everywhere(), [_implied(*implied)] * 50)
        monkeypatch.undo()


def test_a_link_that_leads_nowhere_is_refused_in_the_words_of_squashing() -> None:
    layers = [Layer(Stream([a_member(b"a", FILE, 1)], [], []))] * 2
    ends = [LooseEnds(), LooseEnds(links=((b"a", b"b"),))]

    with pytest.raises(ArchiveError, match="hard link a leads to b, which is not a file before it"):
        tie_up(Memory(layers), ends)
