"""What registries do that no ``docker-registry`` on loopback does: blobs with another host, ranges
that are not what was asked for, lengths that are not told or not true, media types of all kinds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.registries import IMAGE, login_file, serve_image

if TYPE_CHECKING:
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server
    from tests.support.layouts import Layout

pytestmark = pytest.mark.integration

APP = "docker://example.com/app"
MANIFEST = "/v2/app/manifests/latest"
OCI = "application/vnd.oci.image.manifest.v1+json"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
BASIC = "Basic dXNlcjpzZWNyZXQ="


def _fails(rkt: Fetcher, words: str) -> None:
    """Fetch, which must fail with ``words`` and leave nothing."""
    done = rkt(IMAGE, "fetch", APP)

    assert done.status == 254
    assert words in done.err
    assert rkt.images() == []
    assert list(rkt.data.glob("cas/tmp/*")) == []


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
def test_storage_elsewhere_is_not_told_who_asks(
    rkt: Fetcher, server: Server, layout: Layout, scheme: str
) -> None:
    who = {"basic": BASIC, "bearer": "Bearer T"}[scheme]
    challenge = {"basic": 'Basic realm="r"', "bearer": 'Bearer realm="https://example.com/token"'}
    rule = {"authorization": who, "headers": {"WWW-Authenticate": challenge[scheme]}}
    path = serve_image(server, layout, **rule)
    server.put("/token", '{"token": "T"}')
    server.put("/storage", server.root / path.lstrip("/"))
    server.rule(path, redirect="https://cdn.example.com/storage?signed=1", **rule)
    rkt.configure("registry.json", login_file("example.com"))

    rkt.ok(IMAGE, "fetch", APP)
    (stored,) = server.requests("/storage")
    assert stored["headers"]["host"] == "cdn.example.com"
    assert stored["query"] == "signed=1"
    assert "authorization" not in stored["headers"]
    assert server.requests(path)[-1]["headers"]["authorization"] == who


def test_a_broken_transfer_from_storage_goes_on_there(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    path = serve_image(server, layout)
    server.put("/storage", server.root / path.lstrip("/"), cut=100_000)
    server.rule(path, redirect="https://cdn.example.com/storage")

    rkt.ok(IMAGE, "fetch", APP)
    # The registry is asked again, as the address it gave may be good for one use.
    assert len(server.requests(path)) == 2
    ranges = [one["headers"].get("range") for one in server.requests("/storage")]
    assert ranges == [None, "bytes=100000-"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("", "redirects"),
        ("http://example.com/storage", "http"),
        ("ftp://example.com/storage", "ftp"),
    ],
)
def test_a_redirect_that_leads_nowhere_good_is_not_followed(
    rkt: Fetcher, server: Server, layout: Layout, target: str, words: str
) -> None:
    path = serve_image(server, layout)
    server.rule(path, redirect=target or f"https://example.com{path}")

    _fails(rkt, words)


@pytest.mark.parametrize("ranges", ["yes", "no"])
def test_a_blob_goes_on_with_a_range_or_from_its_beginning(
    rkt: Fetcher, server: Server, layout: Layout, ranges: str
) -> None:
    path = serve_image(server, layout)
    server.rule(path, cut=100_000, ranges=ranges)

    rkt.ok(IMAGE, "fetch", APP)
    assert [one["status"] for one in server.requests(path)] == [
        200,
        206 if ranges == "yes" else 200,
    ]


def test_a_refused_range_is_asked_for_as_a_whole(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    path = serve_image(server, layout)
    server.rule(path, cut=100_000, statuses=(200, 416))

    rkt.ok(IMAGE, "fetch", APP)
    assert [one["status"] for one in server.requests(path)] == [200, 416, 200]


def test_a_part_that_was_not_asked_for_is_found(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    path = serve_image(server, layout)
    server.rule(path, cut=100_000, shifted=7)

    _fails(rkt, "bytes")


@pytest.mark.parametrize("rule", [{"chunked": True}, {"slow": 0.5}, {"validators": False}])
def test_lengths_and_validators_are_not_needed(
    rkt: Fetcher, server: Server, layout: Layout, rule: dict[str, object]
) -> None:
    serve_image(server, layout, **rule)

    rkt.ok(IMAGE, "fetch", APP)
    rkt.ok("image", "verify", *rkt.ok("image", "list", "--no-legend", "--fields=id").split())


def test_a_blob_that_always_breaks_off_is_given_up(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    path = serve_image(server, layout)
    server.rule(path, cut=10_000, cuts=1000)

    _fails(rkt, "example.com")
    assert len(server.requests(path)) == 4


@pytest.mark.parametrize(
    ("rule", "words"),
    [({"cut": 1000, "claims": 1000}, "has 1000 bytes instead of"), ({"endless": True}, "has more")],
)
def test_a_blob_that_is_not_as_long_as_it_should_be_is_found(
    rkt: Fetcher, server: Server, layout: Layout, rule: dict[str, object], words: str
) -> None:
    path = serve_image(server, layout)
    server.rule(path, **rule)

    _fails(rkt, words)


def test_an_encoding_that_is_the_layers_own_is_left_alone(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    path = serve_image(server, layout)
    server.rule(path, headers={"Content-Encoding": "gzip"})

    rkt.ok(IMAGE, "fetch", APP)


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-8", "", OCI])
def test_a_manifest_says_itself_what_it_is(
    rkt: Fetcher, server: Server, layout: Layout, kind: str
) -> None:
    serve_image(server, layout)
    server.rule(MANIFEST, headers={"Content-Type": kind} if kind else {})

    rkt.ok(IMAGE, "fetch", APP)


def test_a_manifest_without_a_media_type_is_known_by_its_parts(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    serve_image(server, layout)
    fields = json.loads((server.root / MANIFEST.lstrip("/")).read_bytes())
    del fields["mediaType"]
    server.put(MANIFEST, json.dumps(fields), headers={"Content-Type": OCI})

    rkt.ok(IMAGE, "fetch", APP)


def test_a_manifest_that_is_not_what_its_answer_says_is_refused(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    serve_image(server, layout)
    server.rule(MANIFEST, headers={"Content-Type": LIST})

    _fails(rkt, f"was served as {LIST}")


def test_a_digest_that_is_none_is_not_looked_at(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    serve_image(server, layout)
    server.rule(MANIFEST, headers={"Docker-Content-Digest": "sha256:short"})

    rkt.ok(IMAGE, "fetch", APP)


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ((429,), "too many requests"),
        ((503,), "the server has trouble"),
        ((403,), "do not suffice"),
    ],
)
def test_refusals_say_what_to_do_next(
    rkt: Fetcher, server: Server, layout: Layout, statuses: tuple[int, ...], words: str
) -> None:
    serve_image(server, layout)
    server.rule(MANIFEST, statuses=statuses * 9)

    _fails(rkt, words)
