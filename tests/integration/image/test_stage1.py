"""stage1 images over https, signed: rkt's rows about it, and a pod that runs on one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import shell_aci

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.integration.run.rk import Done
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration

NAME = "coreos.com/rkt/stage1-host"
URL = "https://example.com/stage1.aci"
FETCHING = f'image: remote fetching from URL "{URL}"'


@pytest.fixture
def app(rkt: Fetcher, tmp_path: Path) -> Iterator[str]:
    """A stored app; its pods are collected."""
    rkt.ok("--insecure-options=image", "fetch", shell_aci(tmp_path / "shell.aci"))
    yield rkt.ok("image", "list", "--no-legend", "--full", "--fields=id").strip()
    rkt.collect()


@pytest.fixture
def served(rkt: Fetcher, server: Server, keys: Keys, app: str, tmp_path: Path) -> str:
    """rktpy's own stage1 image at ``URL`` and not in the store, its signature beside it; return its
    ID.
    """
    rkt.ok("prepare", app, "--", "true")  # makes it
    found = rkt.ok("image", "list", "--no-legend", "--full", "--fields=id,name")
    (line,) = [line for line in found.splitlines() if NAME in line]
    rkt.ok("image", "export", NAME, tmp_path / "stage1.aci")
    rkt.ok("gc", "--grace-period=0s", "--expire-prepared=0s")
    rkt.ok("image", "rm", line.split()[0])
    server.put("/stage1.aci", tmp_path / "stage1.aci")
    server.put("/stage1.aci.asc", keys.sign("key1", tmp_path / "stage1.aci"))
    return line.split()[0]


def _run(rkt: Fetcher, app: str, *options: str) -> Done:
    return rkt(
        "--debug", "run", "--net=none", *options, app, "--exec=/bin/sh", "--", "-c", "exit 7"
    )


def test_an_option_names_a_signed_image_over_https(
    rkt: Fetcher, keys: Keys, app: str, served: str
) -> None:
    refused = _run(rkt, app, f"--stage1-url={URL}")
    rkt.trust(keys.file("key1"), "--prefix=coreos.com/rkt/stage1-host")
    first = _run(rkt, app, f"--stage1-url={URL}")
    again = _run(rkt, app, f"--stage1-url={URL}")

    assert refused.status == 254
    assert f'image "{NAME}" verification failed' in refused.err
    assert "openpgp: signature made by unknown entity" in refused.err
    assert (first.status, FETCHING in first.err) == (7, True), first.err
    assert "image: signature verified:" in first.err
    assert again.status == 7
    assert f"image: using image from local store for url {URL}" in again.err
    assert served in rkt.ok("image", "list", "--no-legend", "--full", "--fields=id")


@pytest.mark.usefixtures("served")
def test_the_configuration_names_a_signed_image_over_https(
    rkt: Fetcher, keys: Keys, app: str
) -> None:
    said = {"rktKind": "stage1", "rktVersion": "v1", "location": URL}
    rkt.configure("test.json", json.dumps(said), directory="stage1.d")
    rkt.trust(keys.file("key1"), "--root")

    done = _run(rkt, app)

    assert (done.status, FETCHING in done.err) == (7, True), done.err
