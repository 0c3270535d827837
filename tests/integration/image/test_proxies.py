"""Images through a proxy: servers and registries alike."""

from __future__ import annotations

import base64
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.registries import IMAGE, serve_image
from tests.support.aci_server import CHECKOUT
from tests.support.layouts import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration

FIELD = "Basic " + base64.b64encode(b"u:p").decode()


@contextmanager
def proxy() -> Iterator[list[str]]:
    """Run a proxy that knows ``u`` with the password ``p``; yield the hosts it was led to,
    once the block is left.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.proxy", "3128", FIELD],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    led: list[str] = []
    try:
        assert process.stdout.readline() == "ready\n"
        yield led
    finally:
        process.kill()
        led += process.communicate()[0].split()


@pytest.mark.parametrize(("user", "status"), [("u:p@", 0), ("", 254)])
def test_images_come_through_a_proxy_that_knows_us(
    rkt: Fetcher, url: str, user: str, status: int
) -> None:
    with proxy() as led:
        done = rkt("fetch", url, env={"HTTPS_PROXY": f"http://{user}127.0.0.1:3128"})

    assert (done.status, set(led)) == (status, set() if status else {"example.com"})
    assert ("the proxy for example.com does not serve us" in done.err) == bool(status)


def test_a_registry_and_its_token_server_are_asked_through_a_proxy(
    rkt: Fetcher, server: Server, tmp_path: Path
) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="https://example.org/token"'}
    serve_image(server, Layout(tmp_path / "l"), authorization="Bearer T0", headers=challenge)
    server.put("/token", '{"token": "T0"}')
    with proxy() as led:
        env = {"HTTPS_PROXY": "http://u:p@127.0.0.1:3128"}
        done = rkt(IMAGE, "fetch", "docker://example.com/app", env=env)

    assert done.status == 0, done.err
    assert set(led) == {"example.com", "example.org"}
    assert all("proxy-authorization" not in one["headers"] for one in server.requests())


def test_a_registry_may_be_excepted_from_the_proxy(
    rkt: Fetcher, server: Server, tmp_path: Path
) -> None:
    serve_image(server, Layout(tmp_path / "l"))
    refused = {"HTTPS_PROXY": "http://127.0.0.1:9"}
    done = rkt(IMAGE, "fetch", "docker://example.com/app", env=refused)
    assert "the proxy for example.com does not serve us" in done.err
    assert rkt.ok(
        IMAGE, "fetch", "docker://example.com/app", env=refused | {"NO_PROXY": "example.com"}
    )
