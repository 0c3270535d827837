"""Which image a text or a name means, after rkt's own tests (images.md 3.5)."""

from __future__ import annotations

import pytest

from rktpy.store.errors import AmbiguousImageError, ImageNotFoundError
from rktpy.store.rows import Row, by_name, by_prefix

A = "sha512-" + "12" + "a" * 62
B = "sha512-" + "12" + "b" * 62


def _row(key: str, version: str, *, at: int, latest: bool = False) -> Row:
    return Row([key, key[7:] * 2, "example.com/a", [("version", version)], at, latest, 1, "", []])


@pytest.mark.parametrize("text", ["sha512-12a", A, A.upper().replace("SHA", "sha"), A + "ff" * 32])
def test_a_unique_beginning_is_enough_and_a_full_digest_not_too_long(text: str) -> None:
    assert by_prefix([A, B], text) == A


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sha256-1234", "wrong key prefix"),
        ("sha512-1", "image ID too short"),
        ("sha512-34", "no image IDs found"),
        ("sha512-1%", "no image IDs found"),
        ("sha512-../../etc", "no image IDs found"),
    ],
)
def test_what_matches_nothing_says_why(text: str, words: str) -> None:
    with pytest.raises(ImageNotFoundError, match=words):
        by_prefix([A, B], text)


def test_two_matches_are_ambiguous() -> None:
    with pytest.raises(AmbiguousImageError, match='ambiguous image ID: "sha512-12"'):
        by_prefix([A, B], "sha512-12")


def test_without_a_version_latest_beats_newer() -> None:
    rows = [_row(A, "1", at=1, latest=True), _row(B, "2", at=2)]

    assert by_name(rows, "example.com/a", []) is rows[0]
    assert by_name(rows, "example.com/a", [("version", "2")]) is rows[1]


def test_among_equals_the_newest_import_wins() -> None:
    rows = [_row(A, "1", at=9), _row(B, "1", at=2)]

    assert by_name(rows, "example.com/a", [("version", "1")]) is rows[0]


def test_every_wanted_label_must_be_there() -> None:
    rows = [_row(A, "1", at=1)]

    assert by_name(rows, "example.com/a", [("version", "1"), ("os", "linux")]) is None
    assert by_name(rows, "example.com/b", []) is None
