"""Names, IDs, versions, dates, addresses, UUIDs and environment variables."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.appc.types import (
    ACIdentifier,
    ACName,
    Annotation,
    AppcError,
    EnvironmentVariable,
    ImageID,
    Label,
    check_annotations,
    check_version,
    format_uuid,
    major_version,
    parse_uuid,
)

EMPTY = "{} cannot be empty"
FOREIGN = '{} must contain only lower case alphanumeric characters plus "{}"'
EDGES = "{} must start and end with only lower case alphanumeric characters"


def refused(expected: str) -> pytest.RaisesExc[AppcError]:
    return pytest.raises(AppcError, match=f"^{re.escape(expected)}$")


@pytest.mark.parametrize(
    "text",
    [
        "asdf", "foo-bar-baz", "zab_rab_oof", "database", "my~database", "example.com/database",
        "example.com/~bob/database", "example.com/ourapp-1.0.0", "0", "a--b", "a..b", "a//b",
        "sub-domain.example.com/org/product/~alice/release-1.0.0",
    ],
)  # fmt: skip
def test_these_are_identifiers(text: str) -> None:
    assert ACIdentifier.parse(text) == text


@pytest.mark.parametrize("text", ["asdf", "foo-bar-baz", "database", "0", "a--b"])
def test_these_are_names(text: str) -> None:
    assert ACName.parse(text) == text


@pytest.mark.parametrize("text", ["BAR", "foo#", "EXAMPLE.com", "foo.com/BAR", "a b", "é", "a\n"])
def test_an_identifier_holds_no_foreign_character(text: str) -> None:
    with refused(FOREIGN.format("ACIdentifier", "-._~/")):
        ACIdentifier.parse(text)


@pytest.mark.parametrize("text", ["example.com", "foo#", "a/b", "a_b", "A", ".app", "/app"])
def test_a_name_holds_no_foreign_character(text: str) -> None:
    with refused(FOREIGN.format("ACName", "-")):
        ACName.parse(text)


@pytest.mark.parametrize("mark", "-._~/")
def test_an_identifier_has_no_mark_at_its_ends(mark: str) -> None:
    for text in (mark + "app", "app" + mark, mark):
        with refused(EDGES.format("ACIdentifier")):
            ACIdentifier.parse(text)


def test_a_name_has_no_dash_at_its_ends() -> None:
    for text in ("-app", "app-", "-"):
        with refused(EDGES.format("ACName")):
            ACName.parse(text)


@pytest.mark.parametrize("kind", [ACName, ACIdentifier])
def test_a_name_is_not_empty_and_not_endless(kind: type[ACName]) -> None:
    with refused(EMPTY.format(kind.__name__)):
        kind.parse("")
    with pytest.raises(AppcError, match="is longer than"):
        kind.parse("a" * (kind.longest + 1))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("foo#", "foo"), ("FOO", "foo"), ("EXAMPLE.com", "example.com"), ("/app", "app"),
        ("app///", "app"), ("-/.app..", "app"), ("-/app.name-test/-/", "app.name-test"),
        ("127.0.0.1:5000/img", "127.0.0.1_5000/img"), ("_app_", "app"),
    ],
)  # fmt: skip
def test_sanitising_finds_the_nearest_identifier(text: str, name: str) -> None:
    assert ACIdentifier.sanitise(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("foo#", "foo"), ("EXAMPLE.com", "example-com"), ("example.com/app_1", "example-com-app-1"),
        ("-/.app..", "app"), ("-/app.name-test/-/", "app-name-test"),
    ],
)  # fmt: skip
def test_sanitising_finds_the_nearest_name(text: str, name: str) -> None:
    assert ACName.sanitise(text) == name


@pytest.mark.parametrize("text", ["", "..", "//", ".//-", "###"])
def test_nothing_valid_cannot_be_sanitised(text: str) -> None:
    for kind in (ACName, ACIdentifier):
        with refused("must contain at least one valid character"):
            kind.sanitise(text)


@given(st.text(max_size=40))
def test_what_is_sanitised_is_a_name_or_refused(text: str) -> None:
    for kind in (ACName, ACIdentifier):
        try:
            name = kind.sanitise(text)
        except AppcError:
            continue
        assert kind.parse(name) == name


@pytest.mark.parametrize("text", ["sha512-abc", "sha512-...", "sha512-zz", "sha512-" + "a" * 128])
def test_an_image_id_keeps_its_text(text: str) -> None:
    assert str(ImageID.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "badly formatted hash string"),
        ("sha512", "badly formatted hash string"),
        ("sha512-not-existed", "badly formatted hash string"),
        ("-abc", "unexpected empty hash type"),
        ("sha1-abc", "unrecognized hash type: sha1"),
        ("sha512-", "unexpected empty hash value"),
        ("sha512-" + "a" * 1025, "hash value is longer than 1024 characters"),
    ],
)
def test_what_is_no_image_id_says_why(text: str, told: str) -> None:
    with refused(told):
        ImageID.parse(text)


def test_the_store_key_is_short_lower_case_hex() -> None:
    assert ImageID.parse("sha512-" + "AB" * 64).key == "sha512-" + "ab" * 32


@pytest.mark.parametrize("value", ["..", "../../etc", "a%", "zz"])
def test_an_id_that_is_not_hex_has_no_store_key(value: str) -> None:
    with pytest.raises(AppcError, match="is not hexadecimal"):
        _ = ImageID("sha512", value).key


@pytest.mark.parametrize("text", ["1.0.0", "3.2.1-foo", "1.2.3-alpha+git", "0.8.11+git", "0.0.0-a"])
def test_these_are_versions(text: str) -> None:
    assert check_version(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "SemVer is bad"), ("1", "SemVer is bad"), ("1.2", "SemVer is bad"),
        ("1.2.3.4", "SemVer is bad"), ("v1.2.3", "SemVer is bad"), ("1.-2.3", "SemVer is bad"),
        ("1.2.٣", "SemVer is bad"), ("0.0.0", "SemVer cannot be zero"),
        ("1." + "9" * 300 + ".1", "SemVer is bad"),
    ],
)  # fmt: skip
def test_what_is_no_version_says_why(text: str, told: str) -> None:
    with refused(told):
        check_version(text)


def test_the_major_version_can_be_asked_for() -> None:
    assert major_version("12.3.4-a") == 12


@pytest.mark.parametrize(
    "text",
    [
        "2004-05-14T23:11:14+00:00", "2001-02-03T04:05:06Z", "2014-11-14T17:36:54-08:00",
        "2014-10-27T19:32:27.67021798Z", "2016-02-29T00:00:00Z",
    ],
)  # fmt: skip
def test_these_are_dates(text: str) -> None:
    check_annotations((Annotation("created", text),))


@pytest.mark.parametrize(
    "text",
    [
        "", "garbage", "1416015188", "Fri Nov 14 17:53:02 PST 2014", "2014-11-1417:36:54",
        "2014-11-14 17:36:54Z", "2014-11-14T17:36:54", "2014-13-14T17:36:54Z",
        "2015-02-29T00:00:00Z", "2014-11-14T24:00:00Z", "2014-11-14T17:36:54.Z",
        "2014-11-14t17:36:54z", "2014-11-31T17:36:54Z", "2014-11-14T17:36:60Z",
        "2014-11-14T17:36:54-0800", "1900-02-29T00:00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(AppcError, match=r"^bad Date:"):
        check_annotations((Annotation("created", text),))


@pytest.mark.parametrize("name", ["homepage", "documentation"])
@pytest.mark.parametrize(
    "text",
    ["http://foo.com", "https://ohai.net:8/a%20b?goodbye=yes#x", "http://", "HTTP://[::1]:80/"],
)
def test_these_are_addresses(name: str, text: str) -> None:
    check_annotations((Annotation(name, text),))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ftp://example.com", "bad URL scheme, must be http/https"),
        ("unix://file.net", "bad URL scheme, must be http/https"),
        ("not a url", "bad URL scheme, must be http/https"),
        ("", "bad URL scheme, must be http/https"),
        ("http://a\nb", "bad URL:"),
        (":80", "bad URL:"),
        ("http://a/%zz", "bad URL:"),
        ("http://a:b/", "bad URL:"),
        ("http://a b/", "bad URL:"),
    ],
)
def test_what_is_no_address_is_refused(text: str, told: str) -> None:
    with pytest.raises(AppcError, match=f"^{re.escape(told)}"):
        check_annotations((Annotation("homepage", text),))


def test_an_annotation_stands_once() -> None:
    with refused('duplicate annotations of name "a"'):
        check_annotations((Annotation("a", "1"), Annotation("b", "1"), Annotation("a", "2")))


@pytest.mark.parametrize(
    "text",
    [
        "6733C088-A507-4694-AABF-EDBE4FC5266F", "6733C088A5074694AABFEDBE4FC5266F",
        "6-7-3-3c088a5074694aabfedbe4fc5266f-",
    ],
)  # fmt: skip
def test_a_uuid_is_read_with_or_without_dashes(text: str) -> None:
    assert parse_uuid(text) == "6733c088-a507-4694-aabf-edbe4fc5266f"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("asdf", "bad UUID length != 32"),
        ("", "bad UUID length != 32"),
        ("0AAF0A79-1A39-4D59-ABBF-1BEBCA8209D2ABC", "bad UUID length != 32"),
        ("0" * 32, "UUID cannot be empty"),
    ],
)
def test_what_is_no_uuid_says_why(text: str, told: str) -> None:
    with refused(told):
        parse_uuid(text)


def test_a_uuid_is_hexadecimal() -> None:
    with pytest.raises(AppcError, match="not hexadecimal"):
        parse_uuid("z" * 32)


@given(st.binary(min_size=16, max_size=16).filter(any))
def test_a_formatted_uuid_parses(raw: bytes) -> None:
    assert bytes.fromhex(parse_uuid(format_uuid(raw)).replace("-", "")) == raw


@pytest.mark.parametrize("name", ["DEBUG", "_0_DEBUG_0_", "DEBUG.0", "DEBUG-0", "a"])
def test_these_name_environment_variables(name: str) -> None:
    assert EnvironmentVariable(name, "x").name == name


@pytest.mark.parametrize("name", ["0DEBUG", "VERBOSE|DEBUG", "-a", ".a", "a b", "a=b", "é", "a\n"])
def test_these_name_no_environment_variable(name: str) -> None:
    with pytest.raises(AppcError, match=r"^environment variable does not have valid identifier "):
        EnvironmentVariable(name, "x")


def test_an_environment_variable_has_a_name_and_no_nul() -> None:
    with refused("environment variable name must not be empty"):
        EnvironmentVariable("", "x")
    with pytest.raises(AppcError, match="NUL"):
        EnvironmentVariable("A", "x\0y")


def test_a_pair_made_by_hand_has_a_valid_name() -> None:
    for kind in (Label, Annotation):
        with refused(EDGES.format("ACIdentifier")):
            kind("a/", "1")
