"""The loose ends of a layer survive being written, whatever bytes its names have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy import codec
from rktpy.host.archive.ends import LooseEnds

_NAME = st.binary(min_size=1, max_size=6).filter(
    lambda name: name not in (b".", b"..") and b"/" not in name and b"\0" not in name
)
_PATH = st.lists(_NAME, min_size=1, max_size=3).map(b"/".join)


@given(
    st.builds(
        LooseEnds,
        st.lists(_PATH, max_size=3).map(tuple),
        st.lists(_PATH, max_size=3).map(tuple),
        st.lists(st.tuples(_PATH, _PATH), max_size=3).map(tuple),
        st.lists(_PATH, max_size=3).map(tuple),
        st.booleans(),
    )
)
def test_any_bytes_survive(ends: LooseEnds) -> None:
    assert LooseEnds.from_json(codec.parse(codec.compact(ends.to_json()))) == ends


@pytest.mark.parametrize(
    "stored",
    [
        [],
        {},
        {"implied": ["a"], "bare": [], "links": []},
        {"implied": ["a"], "bare": [], "links": [], "deleting": [], "rooted": 1},
        {"implied": ["/a"], "bare": [], "links": [], "deleting": [], "rooted": True},
        {"implied": ["a/.."], "bare": [], "links": [], "deleting": [], "rooted": True},
        {"implied": [""], "bare": [], "links": [], "deleting": [], "rooted": True},
        {"implied": ["a\0"], "bare": [], "links": [], "deleting": [], "rooted": True},
        {"implied": ["\u1234"], "bare": [], "links": [], "deleting": [], "rooted": True},
        {"implied": [1], "bare": [], "links": [], "deleting": [], "rooted": True},
        {"implied": [], "bare": [], "links": [["a"]], "deleting": [], "rooted": True},
        {"implied": [], "bare": [], "links": [["a", "../b"]], "deleting": [], "rooted": True},
        {"implied": [], "bare": [], "links": [], "rooted": True},
    ],
)
def test_what_is_no_loose_ends_is_refused(stored: object) -> None:
    with pytest.raises(ValueError, match="no loose ends of a layer"):
        LooseEnds.from_json(stored)
