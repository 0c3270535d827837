"""Who is told a password, and who is not."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import PATH, auth_file, token_file

if TYPE_CHECKING:
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration
BASIC = {"user": "bar", "password": "baz"}
BASIC_FIELD = "Basic " + base64.b64encode(b"bar:baz").decode()


@pytest.mark.parametrize(
    ("kind", "credentials", "field"),
    [
        ("basic", BASIC, BASIC_FIELD),
        ("oauth", {"token": "sometoken"}, "Bearer sometoken"),
    ],
)
@pytest.mark.parametrize("system", [True, False])
def test_credentials_of_the_host_let_us_in(
    rkt: Fetcher,
    url: str,
    server: Server,
    kind: str,
    credentials: dict[str, str],
    field: str,
    *,
    system: bool,
) -> None:
    server.rule(PATH, authorization=field)
    without = rkt("fetch", url)
    rkt.configure("test.json", auth_file(kind, credentials), system=system)

    assert "bad HTTP status code: 401 (give credentials for example.com in auth.d" in without.err
    assert rkt("fetch", url).status == 0
    assert field not in without.err


def test_the_hosts_credentials_win_over_the_vendors(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, authorization="Bearer good")
    rkt.configure("test.json", token_file("bad"), system=True)
    rkt.configure("test.json", token_file("good"))

    assert rkt("fetch", url).status == 0


def test_credentials_go_to_exactly_their_host_and_port(
    rkt: Fetcher, url: str, server: Server
) -> None:
    rkt.configure("test.json", auth_file("basic", BASIC, "example.org", "example.com:8443"))

    rkt.ok("fetch", url)
    assert all("authorization" not in one["headers"] for one in server.requests())


def test_credentials_do_not_follow_to_another_host(rkt: Fetcher, url: str, server: Server) -> None:
    server.put("/moved.aci", server.root.joinpath(PATH[1:]).read_bytes())
    server.rule(PATH, redirect="https://cdn.example.com/moved.aci")
    rkt.configure("test.json", auth_file("basic", BASIC, "example.com", "cdn.example.com"))

    rkt.ok("fetch", url)

    assert server.requests(PATH)[0]["headers"]["authorization"] == BASIC_FIELD
    assert "authorization" not in server.requests("/moved.aci")[0]["headers"]


def test_a_user_in_the_url_is_sent_and_not_stored(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, authorization=BASIC_FIELD)
    done = rkt("--debug", "fetch", url.replace("//", "//bar:baz@"))

    assert done.status == 0
    assert "baz@" not in done.err
    index = b"".join(p.read_bytes() for p in (rkt.data / "cas/db").iterdir())
    assert b"example.com/dir/app.aci" in index
    assert b"baz" not in index
