"""How long answers hold, where signatures are, who is let in where."""

from __future__ import annotations

import pytest

from rktpy.config.credentials import AWSAuth, BasicAuth
from rktpy.image.authorizing import authorizer
from rktpy.image.awssign import sign
from rktpy.image.download import max_age, number
from rktpy.image.partial import Validator
from rktpy.image.remote import signature_url

AWS = AWSAuth("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("max-age=10", 10),
        ("Max-Age=10, public", 10),
        ('max-age="10"', 10),
        ("no-cache", 0),
        ("no-store", 0),
        ("no-cache, max-age=10", 0),  # rkt: 10
        ("max-age=10, no-store", 0),
        ("max-age=-1", 0),
        ("max-age=1e3", 0),
        ("max-age=٣", 0),
        ("max-age=" + "9" * 40, 1 << 31),
        ("max-age=" + "9" * 5000, 1 << 31),
        ("s-maxage=10", 0),
        ("", 0),
    ],
)
def test_cache_control_says_how_long_an_answer_holds(header: str, seconds: int) -> None:
    assert max_age(header) == seconds


@pytest.mark.parametrize(
    ("validator", "condition"),
    [
        (Validator('"a"', "Mon"), '"a"'),
        (Validator('W/"a"', "Mon"), "Mon"),
        (Validator('W/"a"', ""), ""),
        (Validator(), ""),
    ],
)
def test_only_what_promises_the_same_bytes_lets_a_download_go_on(
    validator: Validator, condition: str
) -> None:
    assert validator.condition == condition


@pytest.mark.parametrize(
    ("image", "signature"),
    [
        ("https://x.org/a.aci", "https://x.org/a.aci.asc"),
        ("https://x.org/a", "https://x.org/a.aci.asc"),
        ("https://x.org/a.aci?b=c.aci#d", "https://x.org/a.aci.asc?b=c.aci#d"),
        ("file:///a/b.aci", "file:///a/b.aci.asc"),
    ],
)
def test_the_signature_lies_beside_its_image(image: str, signature: str) -> None:
    assert signature_url(image) == signature


def test_credentials_are_for_exactly_their_host_and_port() -> None:
    authorize = authorizer(lambda: {"x.org": BasicAuth("u", "p"), "x.org:444": BasicAuth("v", "q")})

    assert authorize("GET", "https://x.org/a") == {"Authorization": "Basic dTpw"}
    assert authorize("GET", "https://x.org:444/a") == {"Authorization": "Basic djpx"}
    for other in ("https://x.org:443/a", "https://y.x.org/a", "https://x.org.evil/a"):
        assert authorize("GET", other) == {}


def test_amazons_example_is_signed_as_amazon_does() -> None:
    """The request "GET bucket lifecycle" of Amazon's S3 reference."""
    url = "https://examplebucket.s3.amazonaws.com/?lifecycle"

    fields = sign(AWS, "GET", url, now=1369353600)  # 2013-05-24

    assert fields["x-amz-date"] == "20130524T000000Z"
    assert fields["Authorization"].endswith(
        "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [("7", 7), ("", None), ("-1", None), ("\u0663", None), ("9" * 5000, 10**18)],
)
def test_the_number_of_a_server(text: str, found: int | None) -> None:
    assert number(text) == found
