"""Redirects, certificates, plain http, proxies, and servers that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.version import VERSION
from tests.integration.image.fetching import PATH, SIGNATURE, token_file
from tests.support.aci_server import Authority, Server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration


def test_a_request_says_which_program_asks(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, redirect="https://cdn.example.com/moved.aci")
    rkt("fetch", url)

    assert {one["headers"]["user-agent"] for one in server.requests()} == {f"rktpy/{VERSION}"}
    assert len(server.requests()) == 3


def test_redirects_end_somewhere(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, redirect=url)

    done = rkt("fetch", url)

    assert "too many redirects from https://example.com/dir/app.aci" in done.err
    assert len(server.requests(PATH)) == 11


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("http://example.com/x.aci", "plain http, which anybody on the way can change"),
        ("file:///etc/passwd", "only http and https are supported"),
        ("ftp://example.com/x.aci", "only http and https are supported"),
    ],
)
def test_a_redirect_cannot_lead_out_of_https(
    rkt: Fetcher, url: str, server: Server, target: str, words: str
) -> None:
    server.rule(PATH, redirect=target)

    assert words in rkt("fetch", url).err


def test_caching_works_through_a_redirect(rkt: Fetcher, url: str, server: Server) -> None:
    server.put("/moved.aci", server.root.joinpath(PATH[1:]).read_bytes())
    server.rule(PATH, redirect="https://cdn.example.com/moved.aci")
    rkt.ok("fetch", url)
    server.forget()

    rkt.ok("fetch", url)
    assert [one["status"] for one in server.requests("/moved.aci")] == [304]


def test_a_certificate_nobody_vouches_for_is_refused(
    rkt: Fetcher, url: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = {"SSL_CERT_FILE": str(Authority(tmp_path / "other").file)}

    refused = rkt("fetch", url, env=other)
    waived = rkt("--insecure-options=tls", "fetch", url, env=other)

    assert "the certificate of example.com cannot be trusted: " in refused.err
    assert "name its authority's file in SSL_CERT_FILE" in refused.err
    assert waived.status == 0, waived.err
    assert "InsecureRequestWarning" not in waived.err
    assert "image: warning: TLS verification has been disabled\n" in waived.err


def test_a_certificate_of_another_name_is_refused(rkt: Fetcher, url: str) -> None:
    done = rkt("fetch", url.replace("example.com", "localhost"))

    assert "the certificate of localhost cannot be trusted: hostname mismatch" in done.err.lower()


def test_plain_http_needs_a_word_unless_it_stays_on_this_machine(
    rkt: Fetcher, url: str, server: Server, tmp_path: Path
) -> None:
    with Server(tmp_path / "plain", 80) as plain:
        for path in (PATH, SIGNATURE):
            plain.put(path, server.root.joinpath(path[1:]))
        there = url.replace("https:", "http:")

        refused = rkt("fetch", there)
        assert "plain http, which anybody on the way can change" in refused.err
        assert "--insecure-options=http" in refused.err
        assert plain.requests() == []
        assert rkt("--insecure-options=http", "fetch", there).status == 0
        rkt.configure("test.json", token_file("t"))
        assert rkt("fetch", there.replace("example.com", "localhost")).status == 0
        assert rkt("--insecure-options=http", "fetch", there).status == 0
        assert all("authorization" not in one["headers"] for one in plain.requests())


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_is_asked_first_and_its_trouble_is_told(rkt: Fetcher, url: str, name: str) -> None:
    proxied = rkt("fetch", url, env={name: "http://127.0.0.1:9"})
    excepted = rkt("fetch", url, env={name: "http://127.0.0.1:9", "NO_PROXY": "example.com"})

    assert "the proxy for example.com does not serve us" in proxied.err
    assert excepted.status == 0


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("https://example.com:9/a.aci", "cannot connect to example.com:9: connection refused"),
        ("https://nowhere.example.net/a.aci", "cannot find the host nowhere.example.net"),
        ("https://localhost:80/a.aci", "cannot connect to localhost:80"),
    ],
)
def test_a_server_that_is_not_there_is_told(rkt: Fetcher, url: str, where: str, words: str) -> None:
    done = rkt("--insecure-options=image", "fetch", where)

    assert (done.status, words in done.err) == (254, True), done.err


def test_what_a_server_says_cannot_steer_the_terminal(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(PATH, redirect="http://example.com/\x1b[2J")

    done = rkt("fetch", url)

    assert (done.status, "\x1b" in done.err) == (254, False)
    assert "invalid URL" in done.err
