"""Quantities: grammar, exactness, canonical text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy import codec
from rktpy.appc.quantity import Quantity, Style
from rktpy.appc.types import AppcError

NANO = 10**9
MI = 2**20
LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0", 0), ("0n", 0), ("0Ki", 0), ("00", 0), ("128974848", 123 * MI * NANO),
        ("125952Ki", 123 * MI * NANO), ("123Mi", 123 * MI * NANO),
        ("1", NANO), ("+1", NANO), ("-1", -NANO), ("8Ki", 8192 * NANO), ("1.5Gi", 1536 * MI * NANO),
        ("3Ei", 3 * 2**60 * NANO), ("5n", 5), ("4u", 4000), ("3m", 3_000_000), ("8k", 8000 * NANO),
        ("8K", 8000 * NANO), ("7M", 7 * 10**15), ("5T", 5 * 10**21), ("2P", 2 * 10**24),
        ("1E", 10**27), ("12E", 12 * 10**27), ("1E-3", 10**6), ("1e3", 10**12),
        ("1.3E+6", 13 * 10**14), ("1e14", 10**23), ("100.035Ki", 102435_840000000),
        (".5", 5 * 10**8), ("5.", 5 * NANO), ("1.G", 10**18), ("0.0005k", 5 * 10**8),
        ("0.05Gi", 53687091_200000000), ("3.001n", 4), ("1.1E-9", 2), ("0.0000000001", 1),
        ("0.00000012345", 124), ("0.5e-9", 1), ("1e-99999999999", 1), ("-0.1n", -1),
        ("9Ei", LARGEST * NANO), ("9223372036854775807Ki", LARGEST * NANO),
        ("-9Ei", -LARGEST * NANO), ("0e99999999", 0), (".000000000001Ki", 2),
    ],
)  # fmt: skip
def test_an_amount_is_exact(text: str, nano: int) -> None:
    assert Quantity.parse(text).nano == nano


@pytest.mark.parametrize(
    ("text", "style"),
    [
        ("1", Style.DECIMAL), ("1k", Style.DECIMAL), ("1Ki", Style.BINARY), ("0Mi", Style.BINARY),
        ("1e3", Style.EXPONENT), ("1E-3", Style.EXPONENT), ("1E", Style.DECIMAL),
        ("0.0001Ki", Style.DECIMAL),
    ],
)  # fmt: skip
def test_the_suffix_decides_the_style(text: str, style: str) -> None:
    assert Quantity.parse(text).style == style


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1.5Gi", "1536Mi"), ("0.3", "300m"), ("1024Mi", "1Gi"), ("1000M", "1G"), ("1Ki", "1Ki"),
        (".001Ki", "1024m"), (".000001Ki", "1024u"), (".000000001Ki", "1024n"),
        (".000000000001Ki", "2n"), ("1025024Mi", "1001Gi"), ("5000m", "5"), ("0.001T", "1G"),
        ("1000u", "1m"), ("1.08", "1080m"), ("1080000000n", "1080m"), (".001e12", "1e9"),
        ("0.001e0", "1e-3"), ("1000e-12", "1e-9"), ("80e-3", "80e-3"), ("300e6", "300e6"),
        ("00", "0"), ("0Gi", "0"), ("-1024Mi", "-1Gi"), ("-0.3", "-300m"), ("1025Ki", "1025Ki"),
        ("100.035Ki", "102435840m"), ("512Ki", "512Ki"), ("0.5Ki", "512"), ("+5", "5"),
        ("9Ei", "9223372036854775807"), ("1000E", "1000E"), ("1e21", "1e21"), ("8K", "8k"),
    ],
)  # fmt: skip
def test_the_canonical_text_has_the_largest_suffix(text: str, written: str) -> None:
    assert str(Quantity.parse(text)) == written
    assert Quantity.parse(written).nano == Quantity.parse(text).nano


@pytest.mark.parametrize(
    ("text", "whole", "milli"),
    [
        ("0.3", 1, 300), ("300m", 1, 300), ("1u", 1, 1), ("1536", 1536, 1_536_000),
        ("2.0001", 3, 2001), ("1Gi", 2**30, 2**30 * 1000), ("0", 0, 0), ("30m", 1, 30),
    ],
)  # fmt: skip
def test_whole_and_milli_values_are_rounded_up(text: str, whole: int, milli: int) -> None:
    assert (Quantity.parse(text).integer(), Quantity.parse(text).milli()) == (whole, milli)


PATTERN = "^quantities must match the regular expression '"
SUFFIX = "^unable to parse quantity's suffix$"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", PATTERN), ("1.1.M", PATTERN), ("1+1.0M", PATTERN), ("0.1am", PATTERN),
        ("aoeu", PATTERN), (" 1", PATTERN), ("1 ", PATTERN), ("-", PATTERN), ("٣", PATTERN),
        ("1" * 200, PATTERN), ("0.1mi", SUFFIX), (".5i", SUFFIX), ("1i", SUFFIX),
        ("-3.01e-", SUFFIX), ("1e", SUFFIX), ("1KiB", PATTERN), ("1EE3", SUFFIX), ("1k3", SUFFIX),
        ("1e+", SUFFIX), ("1+3", SUFFIX), (".", "^unable to parse numeric part of quantity$"),
        ("1e31", "is too large"), ("1e999999999999999999999", "is too large"),
    ],
)  # fmt: skip
def test_what_is_no_quantity_says_why(text: str, told: str) -> None:
    with pytest.raises(AppcError, match=told):
        Quantity.parse(text)


def test_the_pattern_is_quoted_in_full() -> None:
    with pytest.raises(AppcError) as caught:
        Quantity.parse("x")

    assert caught.value.message == (
        "quantities must match the regular expression "
        "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )


@pytest.mark.parametrize(
    ("source", "written"),
    [("1024", "1024"), ("1.50", "1500m"), ("1e3", "1e3"), ('" 1Gi\\n"', "1Gi"), ("-1", "-1")],
)
def test_json_gives_a_quantity_as_number_or_string(source: str, written: str) -> None:
    assert str(Quantity.from_json(codec.parse(source))) == written


def test_json_null_is_no_quantity() -> None:
    assert Quantity.from_json(None) is None


@pytest.mark.parametrize("value", [True, [], {}, "x"])
def test_other_json_is_refused(value: object) -> None:
    with pytest.raises(AppcError, match=PATTERN):
        Quantity.from_json(value)


@given(
    st.integers(-(10**27), 10**27),
    st.sampled_from([Style.DECIMAL, Style.BINARY, Style.EXPONENT]),
)
def test_the_text_of_an_amount_is_that_amount(nano: int, style: str) -> None:
    quantity = Quantity(nano, style)
    again = Quantity.parse(str(quantity))

    assert again.nano == nano
    # A text without a suffix is a decimal one, also if it once was binary.
    assert again.style == Style.DECIMAL or str(again) == str(quantity)


@given(st.text(alphabet="0123456789.+-eEKkMmGinu ", max_size=12))
def test_any_text_is_a_quantity_or_an_error_of_ours(text: str) -> None:
    try:
        quantity = Quantity.parse(text)
    except AppcError:
        return
    assert Quantity.parse(str(quantity)).nano == quantity.nano
