"""Keys found by discovery: ``trust`` without a key, ``fetch`` of a name nobody trusts yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import images_at, keys_at, page, token_file
from tests.integration.image.test_discovery import LATEST, NAME, TEMPLATE, UNKNOWN
from tests.support.aci_server import Server
from tests.support.images import image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration


@pytest.fixture
def untrusted(rkt: Fetcher, server: Server, keys: Keys, aci: Path) -> Path:
    server.put(LATEST, aci)
    server.put(f"{LATEST}.asc", keys.sign("key1", aci))
    server.put("/keys/1", keys.file("key1"))
    server.put("/app", page(images_at(NAME, TEMPLATE), keys_at(NAME, "https://example.com/keys/1")))
    return aci


def test_trust_finds_keys_at_the_prefix(rkt: Fetcher, keys: Keys, untrusted: Path) -> None:
    said = rkt.ok("trust", f"--prefix={NAME}", "--skip-fingerprint-review")

    assert f'Trusting "https://example.com/keys/1" for prefix "{NAME}" without' in said
    assert keys.fingerprints["key1"] in said
    assert rkt("fetch", NAME).status == 0


def test_trust_tells_when_there_are_none(rkt: Fetcher, server: Server, untrusted: Path) -> None:
    server.put("/app", page())

    done = rkt("trust", f"--prefix={NAME}", "--skip-fingerprint-review")
    assert done.status == 254
    assert f"error determining key location: meta discovery on {NAME} resulted" in done.err


def test_keys_over_http_need_a_word(
    rkt: Fetcher, server: Server, keys: Keys, tmp_path: Path
) -> None:
    with Server(tmp_path / "plain", 80) as plain:
        plain.put("/key", keys.file("key1"))
        words = ("trust", "--root", "--skip-fingerprint-review", "http://example.com/key")

        assert "--insecure-allow-http required" in rkt(*words).err
        assert plain.requests() == []
        assert rkt(words[0], "--insecure-allow-http", *words[1:]).status == 0


def test_a_key_that_is_gone_is_told(rkt: Fetcher, server: Server) -> None:
    done = rkt("trust", "--root", "https://example.com/none")

    assert "error adding keys: bad HTTP status code: 404" in done.err


def test_fetch_asks_and_without_a_terminal_goes_on_to_refuse(rkt: Fetcher, untrusted: Path) -> None:
    done = rkt("fetch", NAME)

    assert done.status == 254
    assert "unable to ask user to review fingerprint due to lack of tty" in done.err
    assert UNKNOWN in done.err
    assert not rkt.local.exists()


def test_trust_keys_from_https_takes_them(rkt: Fetcher, untrusted: Path) -> None:
    done = rkt("--trust-keys-from-https", "fetch", "--full", NAME)

    assert (done.status, done.out) == (0, image_key(untrusted) + "\n")
    assert f'Added key for prefix "{NAME}" at ' in done.err


def test_keys_are_looked_for_once(
    rkt: Fetcher, server: Server, keys: Keys, untrusted: Path
) -> None:
    rkt.trust(keys.file("key2"), "--prefix=example.com")
    server.forget()

    done = rkt("--debug", "--trust-keys-from-https", "fetch", NAME)

    assert f'keys already exist for prefix "{NAME}", not fetching again' in done.err
    assert server.requests("/keys/1") == []
    assert done.status == 254


def test_keys_are_not_taken_over_unverified_tls(
    rkt: Fetcher, server: Server, untrusted: Path
) -> None:
    words = ("--trust-keys-from-https", "fetch", NAME)
    assert rkt("--insecure-options=tls", *words).status == 254
    assert server.requests("/keys/1") == []
    assert rkt("--insecure-options=tls,pubkey", *words).status == 0


def test_keys_of_one_name_do_not_count_for_its_neighbours(
    rkt: Fetcher, server: Server, untrusted: Path, keys: Keys
) -> None:
    rkt.ok("--trust-keys-from-https", "fetch", NAME)
    (where,) = (rkt.local / "trustedkeys/prefix.d").rglob(keys.fingerprints["key1"])

    assert where.parent == rkt.local / "trustedkeys/prefix.d/example.com/app"


def test_credentials_are_not_sent_for_keys(rkt: Fetcher, server: Server, untrusted: Path) -> None:
    rkt.configure("a.json", token_file("t"))
    rkt.ok("--trust-keys-from-https", "fetch", NAME)

    assert "authorization" not in server.requests("/keys/1")[0]["headers"]
