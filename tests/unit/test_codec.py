"""JSON in and out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy import codec
from rktpy.codec import CodecError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_reads_the_same_and_is_json_to_others(value: object) -> None:
    assert codec.parse(codec.compact(value)) == value
    assert codec.parse(codec.pretty(value).encode()) == value
    assert json.loads(codec.compact(value)) == value


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\ud8\n x', max_size=30))
def test_any_text_is_read_as_the_standard_library_does_or_refused(text: str) -> None:
    try:
        value = codec.parse(text)
    except CodecError:
        return
    assert type(value) is type(json.loads(text)) or isinstance(value, codec.Float)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,}', "{a:1}", "[1,]", "[1 2]", '"abc',
        "tru", "nul", "'a'", "01", "1.", ".5", "+1", "0x1", "1 2", "{} {}", "[1]x",
        "NaN", "Infinity", "-Infinity", '{"a":NaN}', '"a\nb"', '"\\x41"', '"\\u12g4"', "\ufeff{}",
        "1" * 5000,
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(CodecError):
        codec.parse(text)


def test_a_syntax_error_shows_its_place() -> None:
    with pytest.raises(CodecError) as caught:
        codec.parse(b'{\n\t"acKind": "PodManifest",\n\t"apps" 1\n}', what="pod manifest")

    assert (caught.value.line, caught.value.column) == (3, 9)
    assert caught.value.message == (
        "invalid pod manifest: line 3, column 9: invalid character '1' after object key"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a":1}x', "invalid character 'x' after top-level value"),
        ("", "unexpected end of JSON input"),
        ('["abc', "unexpected end of JSON input"),
        ("[tru]", "invalid character 't' looking for beginning of value"),
        ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        ('"a\nb"', "invalid character '\\n' in string literal"),
    ],
)
def test_syntax_errors_have_the_words_of_gos_parser(text: str, told: str) -> None:
    with pytest.raises(CodecError) as caught:
        codec.parse(text)

    assert caught.value.message.partition(": ")[2].partition(": ")[2] == told


def test_a_long_line_is_shown_around_the_place_only() -> None:
    with pytest.raises(CodecError) as caught:
        codec.parse("[" + "1," * 100_000 + "\x1b[31m]")

    assert len(caught.value.message) < 400
    assert "\x1b" not in caught.value.message


def test_bytes_that_are_not_utf8_are_refused() -> None:
    with pytest.raises(CodecError, match="not UTF-8"):
        codec.parse(b'"\xff"')


def test_text_with_undecodable_bytes_is_refused() -> None:
    with pytest.raises(CodecError, match="not UTF-8"):
        codec.parse('"\udcff"')


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud800"', "\ufffd"),
        (r'"\uD800x"', "\ufffdx"),
        (r'{"\udfff":["a\ud800"]}', {"\ufffd": ["a\ufffd"]}),
        (r'"\ud83d\ude00"', "\U0001f600"),
        (r'"\\ud800"', "\\ud800"),
    ],
)
def test_a_lone_surrogate_becomes_the_replacement_character(text: str, value: object) -> None:
    assert codec.parse(text) == value


def test_the_last_of_a_repeated_key_counts_and_can_be_asked_for() -> None:
    text = '{"a":1,"b":{"c":1,"c":2},"a":3}'

    assert codec.parse(text) == {"a": 3, "b": {"c": 2}}
    assert codec.repeated_keys(text) == ("c", "a")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [codec.MAX_DEPTH + 1, 5_000, 400_000])
def test_deep_nesting_is_an_error_of_ours(opening: str, depth: int) -> None:
    closing = "]" if opening == "[" else "}"
    with pytest.raises(CodecError, match="nested more than 100 levels"):
        codec.parse(opening * depth + "1" + closing * depth)


def test_the_deepest_allowed_value_survives() -> None:
    text = "[" * codec.MAX_DEPTH + "]" * codec.MAX_DEPTH

    assert codec.compact(codec.parse(text)) == text


def test_many_shallow_brackets_are_not_deep() -> None:
    assert len(codec.parse("[" + ",".join(["[[]]"] * 500) + "]")) == 500


def test_writing_a_value_that_contains_itself_ends_in_an_error() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(CodecError, match="cannot be written"):
        codec.compact(loop)


def test_more_items_than_anybody_needs_are_refused() -> None:
    with pytest.raises(CodecError, match="more than 1000000 items"):
        codec.parse("[" + "0," * codec.MAX_ITEMS + "0]")


@pytest.mark.parametrize(
    "text", ["1.10", "1e400", "-0.0", "1E+2", "123456789012345678901234567890"]
)
def test_numbers_are_echoed_as_they_were_written(text: str) -> None:
    assert codec.compact(codec.parse(text)) == text


def test_compact_writes_what_go_writes() -> None:
    value: dict[str, object] = {
        "b": None,
        "a": [True, 1, "<a>&\u2028é\n\x01\x7f"],
        "c": {},
        "d": (),
        "e": 2.0,
    }

    assert codec.compact(value) == (
        '{"b":null,"a":[true,1,"\\u003ca\\u003e\\u0026\\u2028é\\n\\u0001\x7f"],"c":{},"d":[],"e":2}'
    )


def test_pretty_indents_by_tabs() -> None:
    assert codec.pretty({"a": [1, {"b": "<"}], "c": []}) == (
        '{\n\t"a": [\n\t\t1,\n\t\t{\n\t\t\t"b": "\\u003c"\n\t\t}\n\t],\n\t"c": []\n}'
    )


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", float("nan"), float("inf")])
def test_what_json_has_no_word_for_is_not_written(value: object) -> None:
    with pytest.raises(CodecError, match="cannot be written"):
        codec.compact([value])


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain", '"plain"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("a\nb\t\x1b", '"a\\nb\\t\\x1b"'),
        ("é\u200b", '"é\\u200b"'),
        ("\udcff", '"\\xff"'),
    ],
)
def test_quoting_is_gos(text: str, quoted: str) -> None:
    assert codec.quote(text) == quoted


def test_reading_does_not_import_the_json_package() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from rktpy import codec;"
        "codec.compact(codec.parse(b'{\"a\":[1.5,null]}'));"
        "print([m for m in ('json','re','enum','typing','dataclasses') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, codec.__file__.rpartition("/rktpy/")[0]],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == "[]\n"


def test_a_syntax_error_is_explained_although_json_was_not_imported() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from rktpy import codec\n"
        "try: codec.parse('{1}')\n"
        "except codec.CodecError as error: print(error.line, error.column)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, codec.__file__.rpartition("/rktpy/")[0]],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == "1 2\n"
