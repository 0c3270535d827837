"""Lies in words that look right: signatures, validators, encodings, labels, names."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import PATH, SIGNATURE, URL, images_at, page
from tests.integration.image.registries import PLAIN
from tests.integration.run.rk import until
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration

GZIP = {"Content-Encoding": "gzip"}


@pytest.fixture
def other(keys: Keys, tmp_path: Path) -> Path:
    """Another image of the same name, signed with the same key as ``aci``."""
    path = build_aci(tmp_path / "other.aci", files={"/data": os.urandom(300_000)})
    keys.sign("key1", path)
    return path


class TestSwappedSignatures:
    """Two images, one key: each has a good signature, the other one's."""

    def test_of_two_files_neither_is_taken(
        self, rkt: Fetcher, keys: Keys, aci: Path, other: Path
    ) -> None:
        rkt.trust(keys.file("key1"), "--prefix=example.com")
        one, two = keys.sign("key1", aci), other.with_suffix(".aci.asc")
        mine, yours = one.read_bytes(), two.read_bytes()
        one.write_bytes(yours)
        two.write_bytes(mine)

        for path in (aci, other):
            assert "is not what key" in rkt("fetch", path).err
        assert rkt.images() == []

    def test_of_an_image_that_is_stored_it_opens_no_door(
        self, rkt: Fetcher, url: str, server: Server, aci: Path, other: Path
    ) -> None:
        """Though the server says again what it said of the image that it stands for."""
        key = rkt.ok("fetch", "--full", url)
        etag = hashlib.sha256(aci.read_bytes()).hexdigest()[:20]
        server.put(PATH, other, headers={"ETag": f'"{etag}"'}, validators=False)
        server.forget()

        refused = rkt("fetch", url)

        (asked,) = server.requests(PATH)
        assert (asked["headers"]["if-none-match"], asked["status"]) == (f'"{etag}"', 200)
        assert (refused.status, "is not what key" in refused.err) == (254, True), refused
        assert rkt.ok("image", "list", "--no-legend", "--full", "--fields=id") == key
        assert rkt.partials() == []

    def test_roots_records_of_two_images_mean_nothing_when_they_are_swapped(
        self, rkt: Fetcher, keys: Keys, aci: Path, other: Path
    ) -> None:
        rkt.trust(keys.file("key1"), "--prefix=example.com")
        keys.sign("key1", aci)
        for path in (aci, other):
            rkt.ok("fetch", path)
        one, two = (rkt.data / "cas/verified" / image_key(path) for path in (aci, other))
        aside = one.with_suffix(".aside")
        for source, target in ((one, aside), (two, one), (aside, two)):
            source.rename(target)

        refused = rkt("fetch", "--pull-policy=never", "example.com/app")

        assert (refused.status, "root has not verified it" in refused.err) == (254, True), refused


class TestReplayedValidators:
    """ETags that a server says of what they do not belong to."""

    def test_another_etag_with_not_modified_is_not_kept(
        self, rkt: Fetcher, url: str, server: Server, keys: Keys, other: Path
    ) -> None:
        """Kept, it would make the next image look like the one we have, for ever."""
        rkt.ok("fetch", url)
        server.forget()
        server.put(PATH, other, statuses=(200, 304), headers={"ETag": '"next"'})
        server.put(SIGNATURE, keys.sign("key1", other))
        rkt.ok("fetch", url)

        server.put(PATH, other, headers={"ETag": '"next"'})
        found = rkt.ok("fetch", "--full", url).strip()

        asked = [one["headers"].get("if-none-match") for one in server.requests(PATH)]
        assert asked[0] == asked[1] != '"next"'
        assert found == image_key(other)

    def test_not_modified_that_nobody_asked_about_is_an_error(
        self, rkt: Fetcher, url: str, server: Server
    ) -> None:
        server.rule(PATH, statuses=(304,))

        refused = rkt("fetch", url)

        assert "bad HTTP status code: 304" in refused.err
        assert rkt.images() == []

    def test_the_rest_of_another_file_under_the_same_validators_is_refused(
        self, rkt: Fetcher, url: str, server: Server, keys: Keys, other: Path
    ) -> None:
        same = {"ETag": '"same"', "Last-Modified": "Thu, 26 Nov 2026 00:00:00 GMT"}
        server.rule(PATH, cut=100_000, hangs=True, headers=same)
        with subprocess.Popen(
            rkt.argv("fetch", url), env=os.environ | rkt.environment, stderr=subprocess.DEVNULL
        ) as process:
            bodies = (rkt.data / "cas/download").glob
            until(lambda: [b for b in bodies("*/body") if b.stat().st_size == 100_000], "a part")
            process.kill()
        server.put(PATH, other, headers=same)
        server.put(SIGNATURE, keys.sign("key1", other))
        server.forget()

        glued = rkt("fetch", url)
        again = rkt.ok("fetch", "--full", url)

        assert server.requests(PATH)[0]["status"] == 206
        assert glued.status == 254
        assert again.strip() == image_key(other)
        assert rkt.partials() == []


class TestEncodingsNobodyAskedFor:
    """``Content-Encoding: gzip`` for "identity": what arrives is taken as it is."""

    def test_nothing_but_the_file_itself_is_asked_for(
        self, rkt: Fetcher, url: str, server: Server
    ) -> None:
        rkt.ok("fetch", url)

        asked = {one["headers"].get("accept-encoding") for one in server.requests()}
        assert asked == {"identity"}

    def test_a_compressed_image_with_that_label_is_the_file_that_was_signed(
        self, rkt: Fetcher, url: str, server: Server, aci: Path
    ) -> None:
        """Servers that know no ``.aci`` say so of what is gzip: unpacked, it would be another."""
        server.rule(PATH, headers=GZIP)

        assert rkt.ok("fetch", "--full", url).strip() == image_key(aci)

    def test_an_image_that_the_server_compressed_is_not_what_was_signed(
        self, rkt: Fetcher, url: str, server: Server, aci: Path
    ) -> None:
        server.put(PATH, gzip.compress(gzip.decompress(aci.read_bytes()), 1), headers=GZIP)

        refused = rkt("fetch", url)

        assert "is not what key" in refused.err
        assert (rkt.images(), rkt.partials()) == ([], [])

    def test_a_signature_that_the_server_compressed_is_none(
        self, rkt: Fetcher, url: str, server: Server
    ) -> None:
        bomb = gzip.compress((server.root / SIGNATURE.lstrip("/")).read_bytes() + bytes(1 << 24))
        server.put(SIGNATURE, bomb, headers=GZIP)

        refused = rkt("fetch", url)

        assert "no valid signatures found in signature file" in refused.err
        assert rkt.images() == []

    def test_a_page_that_the_server_compressed_leads_nowhere(
        self, rkt: Fetcher, server: Server
    ) -> None:
        server.put(
            "/app", gzip.compress(page(images_at("example.com", URL)).encode()), headers=GZIP
        )

        refused = rkt("fetch", "example.com/app")

        assert refused.status == 254
        assert refused.err.count("\n") == 1
        assert server.requests(PATH) == []


BREAK = "1\r\nX-Evil: yes\r\n\r\nGET /evil HTTP/1.1\r\n"


class TestLineEnds:
    """In labels, which are filled into URLs and shown."""

    def test_of_a_name_they_are_in_no_request(self, rkt: Fetcher, server: Server) -> None:
        template = "https://example.com/{name}-{version}.{ext}"
        server.put("/app", page(images_at("example.com/app", template)))

        refused = rkt("--insecure-options=image", "fetch", f"example.com/app,version={BREAK}")

        assert (refused.status, refused.err.count("\n")) == (254, 1)
        assert server.requests() == []

    def test_of_a_dependency_they_are_in_no_request(
        self, rkt: Fetcher, server: Server, tmp_path: Path
    ) -> None:
        template = "https://example.com/{name}-{version}.{ext}"
        server.put("/base", page(images_at("example.com/base", template)))
        needs = {"imageName": "example.com/base", "labels": [{"name": "version", "value": BREAK}]}
        path = build_aci(tmp_path / "needy.aci", dependencies=[needs])

        refused = rkt("--insecure-options=image", "fetch", path)

        assert (refused.status, refused.err.count("\n")) == (254, 1)
        assert {one["path"] for one in server.requests()} == {"/base"}

    def test_of_an_image_they_make_no_lines(self, rkt: Fetcher, tmp_path: Path) -> None:
        path = build_aci(tmp_path / "lines.aci", labels={"version": "1\r\nsha512-0\tevil\t2"})
        rkt.ok("--insecure-options=image", "fetch", path)

        shown = rkt.ok("image", "list", "--no-legend", "--fields=name")
        said = json.loads(rkt.ok("image", "list", "--format=json"))

        assert shown.count("\n") == 1
        assert "\r" not in shown
        assert len(said) == 1


@pytest.mark.parametrize(
    "name", ["host/../x", "127.0.0.1:5000/../x", "127.0.0.1:5000/a/../../x", "../x", "a/%2e%2e/x",
             "127.0.0.1:5000/x:../y", "127.0.0.1:5000/x@sha256:../../y", "a\\..\\x"]
)  # fmt: skip
def test_a_registrys_name_with_dots_is_refused_before_anybody_is_asked(
    rkt: Fetcher, server: Server, name: str
) -> None:
    refused = rkt(PLAIN, "fetch", f"docker://{name}")

    assert refused.status == 254
    assert refused.err.count("\n") == 1
    assert server.requests() == []
    assert rkt.images() == []
