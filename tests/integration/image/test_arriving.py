"""Images are unpacked while they arrive; what is unpacked is what was kept, and was verified."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host.http.client import Client
from rktpy.image.download import Download, DownloadError, Source, StartedOverError
from rktpy.image.means import Unseen
from rktpy.image.partial import open_partial
from tests.integration.image.fetching import PATH, SIGNATURE, URL
from tests.integration.run.rk import until
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Authority, Server

pytestmark = pytest.mark.integration

HANDED = 1 << 17  # what is handed on at once


@pytest.fixture
def download(
    server: Server, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Download]:
    """A download of ``URL`` in this process."""
    del server  # for the names it gives
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    (tmp_path / "downloads").mkdir()
    with (
        Client() as client,
        open_partial(str(tmp_path / "downloads"), URL) as partial,
        Download(Source(client, URL), partial, Unseen()) as download,
    ):
        yield download


def test_files_are_unpacked_before_the_image_is_here(
    rkt: Fetcher, server: Server, keys: Keys, tmp_path: Path
) -> None:
    files = {"/a": b"first", "/b": os.urandom(300_000), "/c": os.urandom(300_000)}
    aci = build_aci(tmp_path / "app.aci", files=files)
    server.put(PATH, aci, cut=500_000, hangs=True)
    server.put(SIGNATURE, keys.sign("key1", aci))
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    process = subprocess.Popen(
        rkt.argv("fetch", URL), env=os.environ | rkt.environment, stderr=subprocess.DEVNULL
    )

    until(lambda: list((rkt.data / "cas/tmp").glob("*/tree/rootfs/a")), "the first file")
    assert rkt.images() == []
    process.kill()
    process.wait()
    server.rule(PATH)
    assert rkt.ok("fetch", "--full", URL) == image_key(aci) + "\n"
    assert server.requests(PATH)[-1]["headers"]["range"] == "bytes=499999-"
    rkt.ok("image", "gc")
    assert os.listdir(rkt.data / "cas/tmp") == []


def test_what_is_no_image_is_not_downloaded_to_its_end(rkt: Fetcher, server: Server) -> None:
    server.put(PATH, endless=True)

    done = rkt("--insecure-options=image", "fetch", URL)

    assert (done.status, "error: unknown image filetype" in done.err) == (254, True), done.err
    assert rkt.partials() == []


def test_a_server_without_ranges_that_breaks_off_sends_it_all_again(
    rkt: Fetcher, url: str, server: Server, aci: Path
) -> None:
    server.rule(PATH, cut=200_000, ranges="no")

    done = rkt("fetch", "--full", url)

    assert done.out == image_key(aci) + "\n"
    assert f"{url} is another file now, beginning anew" in done.err
    assert rkt.partials() == []


def test_another_file_than_before_is_not_glued_to_what_was_handed_out(
    server: Server, aci: Path, download: Download
) -> None:
    server.put(PATH, aci, cut=HANDED)
    download.begin()
    pieces = download.pieces()
    assert next(pieces) == aci.read_bytes()[:HANDED]
    server.put(PATH, os.urandom(400_000))

    with pytest.raises(StartedOverError):
        next(pieces)


def test_a_byte_that_was_handed_out_cannot_be_another_one_afterwards(
    server: Server, aci: Path, download: Download
) -> None:
    same = {"ETag": '"same"'}
    content = bytearray(aci.read_bytes())
    content[HANDED - 1] ^= 1
    server.put(PATH, bytes(content), cut=HANDED, headers=same)
    download.begin()
    pieces = download.pieces()
    next(pieces)
    server.put(PATH, aci, headers=same)

    with pytest.raises(DownloadError, match="the server sent other bytes than before"):
        next(pieces)
