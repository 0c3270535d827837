"""Credentials and registries without TLS: who is told them, and with which warning."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.registries import IMAGE, PLAIN, login_file, serve_image
from tests.support.aci_server import Server
from tests.support.layouts import Layout
from tests.support.registry import Registry
from tests.support.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration

HOST = "example.com:5000"
TEXT = f"docker://{HOST}/app:t"
BASIC = "Basic " + base64.b64encode(b"user:secret").decode()
WARNING = f"credentials for {HOST} are sent over plain http, which anybody on the way can read"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.image({"a": "1"}, tag="t")
    return layout


@pytest.fixture
def clear(server: Server, tmp_path: Path) -> Iterator[Server]:
    """A server without TLS at port 8080 of all names."""
    del server  # for the names it gives
    with Server(tmp_path / "clear", 8080) as running:
        yield running


@pytest.mark.usefixtures("server")
def test_a_login_lets_us_in_without_tls_where_http_was_allowed(
    rkt: Fetcher, layout: Layout, tmp_path: Path
) -> None:
    rkt.configure("registry.json", login_file(HOST))
    with Registry(tmp_path, host=HOST, login=True) as registry:
        registry.push(f"oci:{layout.path}:t", "app:t")
        refused = rkt(IMAGE, "fetch", TEXT)
        elsewhere = rkt(PLAIN, "fetch", TEXT.replace("example.com", "example.org"))
        let_in = rkt(PLAIN, "fetch", TEXT)

    assert "no secure connection to example.com:5000" in refused.err
    assert "example.org:5000 wants to know who asks" in elsewhere.err
    assert (let_in.status, let_in.err.count(WARNING)) == (0, 1), let_in.err


@pytest.mark.usefixtures("_own_namespaces")
def test_on_this_machine_a_login_needs_no_tls_and_no_warning(
    rkt: Fetcher, layout: Layout, tmp_path: Path
) -> None:
    rkt.configure("registry.json", login_file("127.0.0.1:5000"))
    with Registry(tmp_path, login=True) as registry:
        registry.push(f"oci:{layout.path}:t", "app:t")
        done = rkt(IMAGE, "fetch", "docker://127.0.0.1:5000/app:t")

    assert done.status == 0, done.err
    assert "plain http" not in done.err


def _with_tokens(clear: Server, layout: Layout, tmp_path: Path, realm: str) -> Registry:
    """Return a registry that sends people to ``realm``, and give out its tokens at ``clear``."""
    with Registry(tmp_path, host=HOST) as registry:
        registry.push(f"oci:{layout.path}:t", "app:t")
    tokens = Tokens(tmp_path)
    clear.put("/token", json.dumps({"token": tokens.give("app")}), authorization=BASIC)
    return Registry(tmp_path, host=HOST, tokens=tokens, realm=realm)


def test_a_token_is_had_without_tls_from_the_registrys_own_host(
    rkt: Fetcher, clear: Server, layout: Layout, tmp_path: Path
) -> None:
    rkt.configure("registry.json", login_file(HOST))
    with _with_tokens(clear, layout, tmp_path, "http://example.com:8080/token"):
        done = rkt(PLAIN, "fetch", TEXT)

    assert (done.status, done.err.count(WARNING)) == (0, 1), done.err
    assert [one["headers"].get("authorization") for one in clear.requests("/token")] == [BASIC]


def test_no_other_host_is_told_without_tls(
    rkt: Fetcher, clear: Server, layout: Layout, tmp_path: Path
) -> None:
    rkt.configure("registry.json", login_file(HOST))
    with _with_tokens(clear, layout, tmp_path, "http://example.org:8080/token"):
        done = rkt(PLAIN, "fetch", TEXT)

    assert done.status == 254
    assert 'credentials are not sent to "http://example.org:8080/token", which is' in done.err
    (asked,) = clear.requests("/token")
    assert "authorization" not in asked["headers"]


def test_a_registry_with_tls_cannot_have_credentials_sent_without(
    rkt: Fetcher, server: Server, clear: Server, layout: Layout
) -> None:
    challenge = 'Bearer realm="http://example.com:8080/token"'
    serve_image(server, layout, authorization="Bearer T", headers={"WWW-Authenticate": challenge})
    clear.put("/token", '{"token": "T"}')
    rkt.configure("registry.json", login_file("example.com"))

    rkt.ok(PLAIN, "fetch", "docker://example.com/app")
    (asked,) = clear.requests("/token")
    assert "authorization" not in asked["headers"]


def test_who_has_spoken_tls_is_not_asked_without(
    rkt: Fetcher, server: Server, layout: Layout, tmp_path: Path
) -> None:
    challenge = 'Bearer realm="https://example.com:9/token"'
    serve_image(server, layout, authorization="Bearer T", headers={"WWW-Authenticate": challenge})
    with Server(tmp_path / "clear", 80) as other:
        done = rkt(PLAIN, "fetch", "docker://example.com/app")

    assert "cannot connect to example.com:9" in done.err
    assert other.requests() == []


@pytest.mark.parametrize("where", ["http://example.com:8081", "http://example.org:8080"])
def test_credentials_stay_behind_at_a_redirect(
    rkt: Fetcher, clear: Server, layout: Layout, tmp_path: Path, where: str
) -> None:
    challenge = {"WWW-Authenticate": 'Basic realm="r"'}
    path = serve_image(clear, layout, authorization=BASIC, headers=challenge)
    rkt.configure("registry.json", login_file("example.com:8080"))
    with Server(tmp_path / "moved", 8081) as other:
        for server in (clear, other):
            server.put("/blob", clear.root / path.lstrip("/"))
        clear.rule(path, authorization=BASIC, redirect=f"{where}/blob", headers=challenge)
        rkt.ok(PLAIN, "fetch", "docker://example.com:8080/app")
        (moved,) = [*clear.requests("/blob"), *other.requests("/blob")]

    assert clear.requests(path)[-1]["headers"]["authorization"] == BASIC
    assert "authorization" not in moved["headers"]
