"""journalctl's export format, and what journalctl is asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rktpy.systemd.journal import Parser, Query, journalctl_argv

# As many names as pairs of these; drawn from a regular expression they would cost a second.
NAMES = st.tuples(
    st.sampled_from([b"", b"_", b"__"]), st.sampled_from([b"A", b"MESSAGE", b"PRIORITY_9", b"Z0"])
).map(b"".join)
ENTRIES = st.lists(st.dictionaries(NAMES, st.binary(max_size=60), min_size=1), max_size=5)


def exported(entry: dict[bytes, bytes]) -> bytes:
    """Write an entry as journalctl does."""
    return (
        b"".join(
            b"%s\n%s%s\n" % (name, len(value).to_bytes(8, "little"), value)
            if any(byte < 32 and byte != 9 for byte in value)
            else b"%s=%s\n" % (name, value)
            for name, value in entry.items()
        )
        + b"\n"
    )


@given(ENTRIES, st.integers(1, 40))
def test_entries_come_out_whole_whatever_the_pieces(
    entries: list[dict[bytes, bytes]], size: int
) -> None:
    data = b"".join(map(exported, entries))
    parser = Parser()

    found = [e for at in range(0, len(data), size) for e in parser.feed(data[at : at + size])]

    assert found == entries


def test_a_query_says_all_it_knows() -> None:
    query = Query("/pod/journal", ("A=b",), since="-5m", lines=3)

    argv = journalctl_argv(query, follow=False)

    assert argv[:2] == ["journalctl", "--directory=/pod/journal"]
    assert {"--since=-5m", "--lines=3", "--all", "--output=export"} <= set(argv)
    assert argv[-1] == "A=b"
    assert "--follow" not in argv


def test_following_starts_with_what_is_there() -> None:
    assert {"--follow", "--lines=all"} <= set(journalctl_argv(Query("/j"), follow=True))
    assert "--lines=0" in journalctl_argv(Query("/j", lines=0), follow=True)


def test_a_cursor_is_more_exact_than_a_time() -> None:
    argv = journalctl_argv(Query("/j", since="today", after="s=1"), follow=False)

    assert "--after-cursor=s=1" in argv
    assert not any(word.startswith("--since") for word in argv)
