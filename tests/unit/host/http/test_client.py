"""What decides whether an address may be asked, before anything is connected."""

from __future__ import annotations

import pytest

from rktpy.host.http.client import Client, _next, _without_user, is_loopback
from rktpy.host.http.errors import HttpError


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("a.localhost", False),  # resolvers ask others for it
        ("127.0.0.1:5000", True),
        ("127.1.2.3", True),
        ("[::1]:5000", True),
        ("127.0.0.1.example.com", False),
        ("127.example.com", False),
        ("localhost.example.com", False),
        ("example.com", False),
    ],
)
def test_only_names_that_cannot_lead_elsewhere_are_this_machine(
    host: str, *, expected: bool
) -> None:
    assert is_loopback(f"http://{host}/v2/") is expected


@pytest.mark.parametrize("url", ["https://example.com:99999/a", "https://[::1/a", "https://a:b/c"])
def test_an_address_that_is_none_is_an_error_in_words(url: str) -> None:
    with Client() as client, pytest.raises(HttpError, match="invalid URL"):
        client.request(url)


def test_a_redirect_to_an_address_that_is_none_is_an_error_in_words() -> None:
    with pytest.raises(HttpError, match="invalid URL"):
        _next("https://example.com/a", "https://[::1/b")


def test_a_user_of_any_script_can_be_told() -> None:
    url, basic = _without_user("https://%E2%82%AC:p%40ss@example.com/a")

    assert url == "https://example.com/a"
    assert basic is not None
    assert basic("GET", url) == {"Authorization": "Basic 4oKsOnBAc3M="}
