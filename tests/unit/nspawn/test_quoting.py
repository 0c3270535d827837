"""Words that systemd must read back unchanged."""

from __future__ import annotations

import pytest

from rktpy.nspawn.quoting import (
    QuotingError,
    command_line,
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
