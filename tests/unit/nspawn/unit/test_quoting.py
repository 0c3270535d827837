"""Words that systemd must read back unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.nspawn.unit.quoting import (
    QuotingError,
    command_line,
    directory,
    nspawn_path,
    path_escape,
    quote,
    specifiers,
)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("plain", '"plain"'),
        ("two words", '"two words"'),
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("line\nbreak", r'"line\nbreak"'),
        ("50%", '"50%%"'),
        ("caf\u00e9", '"caf\u00e9"'),
        ("\x01", r'"\x01"'),
        ("\udcff", r'"\xff"'),
        ("", '""'),
    ],
)
def test_a_word_is_quoted_for_systemd(text: str, word: str) -> None:
    assert quote(text) == word


def test_dollars_are_doubled_behind_the_program_only() -> None:
    assert command_line(("/a$b", "$HOME")) == '"/a$b" "$$HOME"'


def test_percent_is_doubled_in_the_program_too() -> None:
    assert command_line(("/bin/foo%bar",)) == '"/bin/foo%%bar"'


def test_a_nul_is_refused() -> None:
    with pytest.raises(QuotingError, match="NUL"):
        quote("a\0b")


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b"])
def test_a_line_break_cannot_stand_in_an_unquoted_option(text: str) -> None:
    with pytest.raises(QuotingError):
        specifiers(text)


def test_colons_in_nspawns_bind_paths_do_not_separate() -> None:
    assert nspawn_path("/a:b\\c") == r"/a\:b\\c"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/opt/stage2/my-app/rootfs", r"opt-stage2-my\x2dapp-rootfs"),
        ("/", "-"),
        ("/.hidden", r"\x2ehidden"),
        ("//a///b/", "a-b"),
    ],
)
def test_paths_become_unit_names_as_systemd_escape_makes_them(path: str, name: str) -> None:
    assert path_escape(path) == name


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


def as_systemd_reads(line: str) -> list[str]:
    """Return the words of an ``Exec…=`` line: quotes and escapes, then ``%``, then ``$``."""
    words = []
    while line:
        assert line[0] == '"'
        word, at = bytearray(), 1
        while line[at] != '"':
            if line[at] != "\\":
                word += line[at].encode()
                at += 1
            elif line[at + 1] == "x":
                word.append(int(line[at + 2 : at + 4], 16))
                at += 4
            else:
                word += {"n": b"\n", "t": b"\t", "r": b"\r"}.get(
                    line[at + 1], line[at + 1].encode()
                )
                at += 2
        words.append(word.decode().replace("%%", "%"))
        line = line[at + 1 :].removeprefix(" ")
    return words[:1] + [word.replace("$$", "$") for word in words[1:]]


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_systemd_reads_the_words_that_were_meant(words: list[str]) -> None:
    line = command_line(tuple(words))

    assert as_systemd_reads(line) == words
    assert not set(line) & set("\n\r")


@pytest.mark.parametrize(
    ("path", "written"),
    [("/a", "/a"), ("/50%", "/50%%"), ("/b ", "/b /."), ("/c\\", "/c\\/."), ("/d\\e f", "/d\\e f")],
)
def test_a_directory_may_end_in_anything(path: str, written: str) -> None:
    assert directory(path) == written


@pytest.mark.parametrize("argv", [("/a", "x" * (1 << 17)), ("/a", *["x" * (1 << 16)] * 16)])
def test_what_is_longer_than_kernel_or_systemd_take_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(QuotingError, match="longer than"):
        command_line(argv)
