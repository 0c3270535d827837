"""Servers that fall silent. Asked in this process, with less patience than the command has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.host.http.client import Client
from rktpy.host.http.errors import HttpError
from rktpy.host.http.patience import Patience
from rktpy.image.download import Download, Source
from rktpy.image.means import Unseen
from rktpy.image.partial import open_partial
from tests.integration.image.fetching import PATH, URL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rktpy.image.partial import Partial
    from tests.support.aci_server import Authority, Server

pytestmark = pytest.mark.integration

SHORT = Patience(stall=1.0, pauses=())  # longer than the server needs on a busy machine


@pytest.fixture
def partial(tmp_path: Path) -> Iterator[Partial]:
    (tmp_path / "downloads").mkdir()
    with open_partial(str(tmp_path / "downloads"), URL) as partial:
        yield partial


@pytest.fixture
def client(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with Client(patience=SHORT) as client:
        yield client


def _download(client: Client, partial: Partial) -> bytes:
    with Download(Source(client, URL), partial, Unseen()) as download:
        download.begin()
        return b"".join(download.pieces())


def test_a_download_that_stops_goes_on_with_another_connection(
    server: Server, aci: Path, client: Client, partial: Partial
) -> None:
    server.put(PATH, aci, cut=100_000, hangs=True)

    assert _download(client, partial) == aci.read_bytes()
    assert partial.size == aci.stat().st_size
    assert [one["headers"].get("range") for one in server.requests(PATH)] == [None, "bytes=99999-"]


def test_a_download_that_stops_again_at_the_same_place_is_an_error(
    server: Server, aci: Path, client: Client, partial: Partial
) -> None:
    server.put(PATH, aci, cut=100_000, cuts=9, hangs=True, ranges="no")

    with pytest.raises(HttpError, match=r"^example\.com has stopped sending$") as stopped:
        _download(client, partial)

    assert stopped.value.hint == "try again later"
    assert len(server.requests(PATH)) == 2


def test_a_server_that_never_begins_is_an_error(
    server: Server, aci: Path, client: Client, partial: Partial
) -> None:
    server.put(PATH, aci, slow=3600)

    with pytest.raises(HttpError, match=r"^example\.com does not answer$"):
        _download(client, partial)
