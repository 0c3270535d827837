"""Images from URLs: policies, caching, statuses, signatures that come late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import PATH, SIGNATURE
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration


def test_a_signed_image_is_fetched_from_a_url(rkt: Fetcher, url: str, aci: Path) -> None:
    done = rkt("--debug", "fetch", "--full", url)

    assert (done.status, done.out) == (0, image_key(aci) + "\n")
    for line in (
        f'image: remote fetching from URL "{url}"',
        f"image: downloading signature from {url}.asc",
        f"image: fetching image from {url}",
        "image: signature verified:",
        "Downloading ACI: ",
    ):
        assert f"{line}" in done.err
    assert rkt.partials() == []


def test_query_and_fragment_stay_with_the_signature(rkt: Fetcher, url: str, server: Server) -> None:
    assert rkt("fetch", f"{url}?token=a.b").status == 0

    assert [one["query"] for one in server.requests()] == ["token=a.b", "token=a.b"]
    assert [one["path"] for one in server.requests()] == [SIGNATURE, PATH]


def test_the_policy_decides_whether_the_server_is_asked(
    rkt: Fetcher, url: str, server: Server
) -> None:
    assert f'unable to fetch image from URL "{url}"' in rkt("fetch", "--pull-policy=never", url).err
    assert server.requests() == []
    rkt.ok("fetch", "--pull-policy=new", url)
    server.forget()

    for policy in ("new", "never"):
        done = rkt("--debug", "fetch", f"--pull-policy={policy}", url)
        assert f"image: using image from local store for url {url}\n" in done.err
    assert server.requests() == []

    rkt.ok("fetch", url)
    assert [one["status"] for one in server.requests(PATH)] == [304]


def test_a_changed_image_replaces_the_known_one(
    rkt: Fetcher, url: str, server: Server, keys: Keys, tmp_path: Path
) -> None:
    first = rkt.ok("fetch", url)
    newer = build_aci(tmp_path / "newer.aci", files={"/new": "er"})
    server.put(PATH, newer)
    server.put(SIGNATURE, keys.sign("key1", newer))

    assert rkt.ok("fetch", url) != first
    assert len(rkt.images()) == 2


def test_an_answer_that_holds_is_not_asked_for_again(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(PATH, headers={"Cache-Control": "max-age=86400"})
    first = rkt("--debug", "fetch", url)
    server.forget()
    second = rkt("--debug", "--no-store", "fetch", url)

    assert f"fetching image from {url}\n" in first.err
    assert f"image: image for {url} isn't expired, not fetching.\n" in second.err
    assert second.out == first.out
    assert server.requests() == []


def test_what_must_not_be_kept_is_asked_for_again(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, headers={"Cache-Control": "no-cache, max-age=86400"})
    rkt.ok("fetch", url)
    server.forget()
    rkt.ok("fetch", url)

    assert [one["status"] for one in server.requests(PATH)] == [304]


def test_an_answer_is_renewed_by_a_304(rkt: Fetcher, url: str, server: Server) -> None:
    rkt.ok("fetch", url)
    server.rule(PATH, headers={"Cache-Control": "max-age=86400"})
    rkt.ok("fetch", url)
    server.forget()

    rkt.ok("fetch", url)
    assert server.requests() == []


def test_an_unverified_image_is_not_what_a_verifying_fetch_gets_from_the_cache(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(PATH, headers={"Cache-Control": "max-age=86400"})
    rkt.ok("--insecure-options=image", "fetch", url)
    server.put(SIGNATURE, b"none")
    server.forget()

    done = rkt("fetch", url)

    assert done.status == 254
    assert "no valid signatures found" in done.err


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_without_a_length_is_taken_as_it_comes(
    rkt: Fetcher, url: str, server: Server, aci: Path, *, chunked: bool
) -> None:
    server.rule(PATH, chunked=chunked, validators=False)

    assert rkt("fetch", "--full", url).out == image_key(aci) + "\n"


def test_a_busy_server_is_asked_again(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, statuses=(503, 429), headers={"Retry-After": "0"})

    assert rkt("fetch", url).status == 0
    assert [one["status"] for one in server.requests(PATH)] == [503, 429, 200]


@pytest.mark.parametrize(
    ("status", "hint"), [(404, "is the address right?"), (500, "try again later")]
)
def test_a_status_that_is_no_answer_is_told(
    rkt: Fetcher, url: str, server: Server, status: int, hint: str
) -> None:
    server.rule(PATH, statuses=(status,) * 9)
    image = rkt("fetch", url)
    server.rule(PATH)
    server.rule(SIGNATURE, statuses=(status,) * 9)
    signature = rkt("fetch", url)

    assert f"fetch: error downloading ACI of {url}: bad HTTP status code: {status}" in image.err
    assert hint in image.err
    what = f"error downloading the signature file of {url}"
    assert f"{what}: bad HTTP status code: {status}" in signature.err


def test_a_deferred_signature_is_asked_for_again_after_the_image(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(SIGNATURE, after=PATH)

    done = rkt("fetch", url)

    assert done.status == 0
    assert "image: server requested deferring the signature download\n" in done.err
    assert [one["status"] for one in server.requests(SIGNATURE)] == [202, 200]


def test_a_signature_that_is_deferred_twice_is_an_error(
    rkt: Fetcher, url: str, server: Server
) -> None:
    server.rule(SIGNATURE, after="/never")

    done = rkt("fetch", url)

    assert done.status == 254
    assert f"the signature file of {url}: server asked to defer the download" in done.err
    assert rkt.images() == []


def test_a_signature_without_end_is_cut_off(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(SIGNATURE, endless=True)

    assert "is larger than 1048576 bytes" in rkt("fetch", url).err


def test_a_signature_of_something_else_leaves_nothing(
    rkt: Fetcher, url: str, server: Server, keys: Keys, aci: Path, tmp_path: Path
) -> None:
    (tmp_path / "else.aci").write_bytes(b"something else")
    server.put(SIGNATURE, keys.sign("key1", tmp_path / "else.aci"))

    done = rkt("fetch", url)

    assert "is not what key" in done.err
    assert (rkt.images(), rkt.partials()) == ([], [])


def test_a_signature_given_as_a_file_is_not_asked_for(
    rkt: Fetcher, url: str, server: Server
) -> None:
    mine = (server.root / SIGNATURE[1:]).rename(server.root / "mine")

    assert rkt("fetch", url, f"--signature={mine}").status == 0
    assert server.requests(SIGNATURE) == []


def test_an_image_larger_than_any_is_not_even_begun(rkt: Fetcher, url: str, server: Server) -> None:
    server.rule(PATH, claims=1 << 50)

    done = rkt("fetch", url)

    assert f"{url} is larger than {64 << 30} bytes" in done.err
    assert rkt.images() == []
