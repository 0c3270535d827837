"""What we split, and what systemd splits again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.generator.file.words import WordError, check_specifiers, exec_line, literal, split

# Without NUL, which no program receives, and halves of characters, which no file holds.
WORD = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  a \t b ", ["a", "b"]),
        ("\"a b\" 'c d'", ["a b", "c d"]),
        ('a"b c"d', ["ab cd"]),
        ("\"\" ''", ["", ""]),
        ('"it\'s" \'say "hi"\'', ["it's", 'say "hi"']),
        (r"a\sb \x41\101\u00e4\U0001F600 \"\'\\", ["a b", "AA\u00e4\U0001f600", "\"'\\"]),
        (r"'\n' a\tb", ["\n", "a\tb"]),
        ("%i $HOME %%", ["%i", "$HOME", "%%"]),
    ],
)
def test_a_value_is_cut_as_systemd_cuts_it(text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    "text",
    ['"a', "a'b", "a\\", r"\q", r"\x4", r"\x4_", r"\x00", r"\xff", r"\400", r"\ud800", r"\9"],
)
def test_a_value_that_systemd_would_not_read_is_refused(text: str) -> None:
    with pytest.raises(WordError):
        split(text)


@given(st.lists(WORD))
def test_what_is_written_is_read_back(words: list[str]) -> None:
    read = split(exec_line(("/bin/x", *words)))
    assert [word.replace("$$", "$") for word in read] == ["/bin/x", *words]


@given(st.lists(WORD))
def test_a_command_line_is_one_line_that_never_ends_in_a_backslash(words: list[str]) -> None:
    line = exec_line(("/bin/x", *words))
    assert not set(line) & set("\n\r\0")
    assert not line.endswith("\\")
    assert "$" not in line.replace("$$", "")


@given(WORD)
def test_any_text_is_cut_or_refused(text: str) -> None:
    try:
        words = split(text)
    except WordError:
        return
    assert split(exec_line(("/x", *words)).replace("$$", "$")) == ["/x", *words]


def test_words_that_mean_something_to_systemd_are_quoted() -> None:
    assert exec_line(("/a$b", ";", "$HOME", "a b", "")) == '"/a$b" ";" "$$HOME" "a b" ""'


def test_a_specifier_is_left_to_systemd() -> None:
    assert exec_line(("/x", "--name=%i")) == "/x --name=%i"
    assert literal("50%") == "50%%"


@pytest.mark.parametrize("text", ["", "%i", "%%", "a%%b", "%%%i", "%i%%", "100%% of %n"])
def test_specifiers_and_doubled_marks_pass(text: str) -> None:
    check_specifiers(text)


@pytest.mark.parametrize("text", ["%", "50%", "%z", "%i%z", "a% b", "%%%", "%1", "%\u00e4", "%i%"])
def test_a_mark_that_is_no_specifier_is_refused(text: str) -> None:
    with pytest.raises(WordError, match="%%"):
        check_specifiers(text)


@given(st.text("%i1 "))
def test_a_literal_text_has_no_specifier(text: str) -> None:
    check_specifiers(literal(text))


def test_a_word_no_program_can_be_given_is_refused() -> None:
    with pytest.raises(WordError, match="NUL"):
        exec_line(("/x", "a\0b"))
    with pytest.raises(WordError, match="longer"):
        exec_line(("/x", "a" * (1 << 17)))
