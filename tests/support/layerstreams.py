"""What layers may say, for tests that compare what becomes of it: few names that meet often."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from rktpy.host.archive.reader import Member
from rktpy.host.archive.writer import header
from tests.support.layermodel import DIR, FILE, LINK, Stream, a_member

_PATHS = [b"a", b"b", b"a/c", b"a/d", b"a/c/e", b"a/c/f", b"b/g", b"b/g/h"]
_PATH = st.sampled_from(_PATHS)
_TIME = itertools.count(1)


@st.composite
def layer_streams(draw: st.DrawFn) -> list[Stream]:
    """Return streams of layers, the base first, most of whose links lead to files below them."""
    files: list[bytes] = []
    streams = []
    for _ in range(draw(st.integers(2, 5))):
        stream = draw(_streams(files))
        streams.append(stream)
        gone = [*stream.deleted, *stream.cleared]
        files = [p for p in files if not any(p == g or p.startswith(g + b"/") for g in gone)]
        files += [member.name for member in stream.members if member.kind != DIR]
    return streams


@st.composite
def _streams(draw: st.DrawFn, files: list[bytes]) -> Stream:
    choice = [DIR, FILE, FILE, *([LINK] * 3 if files else [])]
    kinds = draw(st.dictionaries(_PATH, st.sampled_from(choice), max_size=4))
    members = []
    for path in draw(st.permutations(sorted(kinds))):
        kind = kinds[path]
        if kind != DIR and any(other.startswith(path + b"/") for other in kinds):
            continue  # a directory that is only implied
        target = draw(st.sampled_from(files)) if kind == LINK else b""
        members.append(a_member(path, kind, next(_TIME), target))
    if draw(st.booleans()):
        members.insert(0, a_member(b"", DIR, next(_TIME)))
    deleted = draw(st.lists(_PATH, max_size=2, unique=True))
    cleared = draw(st.lists(st.sampled_from([b"", b"a", *_PATHS]), max_size=1))
    return Stream(members, deleted if draw(st.booleans()) else [], cleared)


def tar_of(stream: Stream) -> bytes:
    marks = []
    for path in stream.deleted:
        parent, slash, name = path.rpartition(b"/")
        marks.append(Member(parent + slash + b".wh." + name, FILE))
    marks += [
        Member((path + b"/" if path else b"") + b".wh..wh..opq", FILE) for path in stream.cleared
    ]
    text = b""
    for member in [*marks, *stream.members]:
        # The writer takes no empty name; in a layer the root is called so.
        text += header(_copy(member, b"./")) if not member.name else header(member)
    return text + bytes(1024)


def _copy(member: Member, name: bytes) -> Member:
    found = Member(name, member.kind)
    found.mode, found.uid, found.mtime = member.mode, member.uid, member.mtime
    return found
