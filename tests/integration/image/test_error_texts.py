"""What a user reads when an image cannot be had: what failed, for which name, what to do next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import command
from tests.support.images import build_aci
from tests.support.layouts import Layout
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration

IMAGE = "--insecure-options=image"
PLAIN = "--insecure-options=image,http"
DOCKER = "docker://example.com/some/app:1"
ACI = "https://example.com/dir/x.aci"
MANIFEST = "https://example.com/v2/some/app/manifests/1"
LATER = "the server has trouble: try again later"
CERTIFICATE = (
    "the certificate of example.com cannot be trusted: unable to get local issuer certificate"
    " (name its authority's file in SSL_CERT_FILE, or use --insecure-options=tls)"
)
NOWHERE = (
    "either image was not found in the store or store was disabled and fetching from remote"
    " yielded nothing or it was disabled"
)
ROOM = "no space left on device (make room; in the data directory with: rktpy image gc; rktpy gc)"


def told(rkt: Fetcher, *words: str, options: str = IMAGE, env: dict[str, str] | None = None) -> str:
    """Return the last line of what a fetch that fails says, without its prefix."""
    done = rkt(options, "fetch", *words, env=env)
    assert (done.status, done.out) == (254, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("fetch: ")
    return last.removeprefix("fetch: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docker://nosuch.invalid/app:1", 'cannot fetch image "docker://nosuch.invalid/app:1"'),
        ("https://nosuch.invalid/a.aci", "error downloading ACI of https://nosuch.invalid/a.aci"),
        ("nosuch.invalid/app", 'discovery failed for "nosuch.invalid/app"'),
    ],
)
def test_an_unknown_host(rkt: Fetcher, server: Server, name: str, text: str) -> None:
    del server
    why = "cannot find the host nosuch.invalid (is its name right, is DNS working?)"
    assert told(rkt, name) == f"{text}: {why}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docker://127.0.0.1:1/app:1", 'cannot fetch image "docker://127.0.0.1:1/app:1"'),
        ("https://127.0.0.1:1/a.aci", "error downloading ACI of https://127.0.0.1:1/a.aci"),
    ],
)
def test_a_refused_connection(rkt: Fetcher, name: str, text: str) -> None:
    why = "cannot connect to 127.0.0.1:1: connection refused (is the server running?)"
    assert told(rkt, name) == f"{text}: {why}"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "example.com wants to know who asks (give credentials for example.com in auth.d"
              " (dockerAuth) or with: docker login example.com)"),
        (403, f"{MANIFEST}: HTTP status 403 (the credentials for example.com do not suffice)"),
        (404, f"{MANIFEST}: HTTP status 404 (are repository and tag right?)"),
        (429, f"{MANIFEST}: HTTP status 429 (too many requests: log in, or try again later)"),
        (500, f"{MANIFEST}: HTTP status 500 ({LATER})"),
    ],
)  # fmt: skip
def test_a_registry_that_refuses(rkt: Fetcher, server: Server, status: int, why: str) -> None:
    server.put("/v2/some/app/manifests/1", statuses=(status,) * 9, headers={"Retry-After": "0"})

    assert told(rkt, DOCKER) == f'cannot fetch image "{DOCKER}": {why}'


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (401, "give credentials for example.com in auth.d, see: rktpy config"),
        (403, "the credentials for example.com in auth.d do not suffice"),
        (404, "is the address right?"),
        (429, "too many requests: try again later"),
        (503, LATER),
    ],
)
def test_a_file_server_that_refuses(rkt: Fetcher, server: Server, status: int, hint: str) -> None:
    server.put("/dir/x.aci", statuses=(status,) * 9, headers={"Retry-After": "0"})

    what = f"error downloading ACI of {ACI}"
    assert told(rkt, ACI) == f"{what}: bad HTTP status code: {status} ({hint})"


@pytest.mark.parametrize(
    ("name", "text"),
    [(DOCKER, f'cannot fetch image "{DOCKER}"'), (ACI, f"error downloading ACI of {ACI}")],
)
def test_an_authority_that_is_not_known(rkt: Fetcher, server: Server, name: str, text: str) -> None:
    del server
    assert told(rkt, name, env={"SSL_CERT_FILE": "/dev/null"}) == f"{text}: {CERTIFICATE}"


def test_a_signature_that_is_not_there(rkt: Fetcher, server: Server, aci: Path) -> None:
    server.put("/dir/x.aci", aci)
    trust = "if you trust the image as it is: --insecure-options=image"

    assert told(rkt, ACI, options="--debug=false") == (
        f"error downloading the signature file of {ACI}: bad HTTP status code: 404"
        f" (it is not signed; {trust})"
    )
    assert told(rkt, str(aci), options="--debug=false") == (
        f"error opening signature file: {aci}.asc: no such file or directory ({trust})"
    )
    assert told(rkt, DOCKER, options="--debug=false") == (
        "signature verification for docker images is not supported (try --insecure-options=image)"
    )


@pytest.mark.parametrize(
    ("name", "what"),
    [
        (DOCKER, "docker image from URL"),
        (ACI, "image from URL"),
        ("example.com/app:1", "image from image name"),
    ],
)
def test_an_image_that_may_not_be_fetched(rkt: Fetcher, name: str, what: str) -> None:
    assert told(rkt, "--pull-policy=never", name) == (
        f'unable to fetch {what} "{name}": {NOWHERE}'
        f" (get it with: rktpy fetch --insecure-options=image {name})"
    )


@pytest.fixture
def registry(_own_namespaces: None, tmp_path: Path) -> Iterator[Registry]:
    """A registry without TLS, with images for this machine, for another, and a large one."""
    layout = Layout(tmp_path / "layout")
    layout.image({"a": os.urandom(8 << 20)}, tag="large", compress=False)
    other = layout.image({"a": "1"}, architecture="s390x", listed=False)
    platform = {"os": "linux", "architecture": "s390x"}
    layout.index([{**other, "platform": platform}], tag="other")
    with Registry(tmp_path) as registry:
        for tag in ("large", "other"):
            registry.push(f"oci:{layout.path}:{tag}", f"app:{tag}", "--all")
        yield registry


def test_a_registry_without_tls(rkt: Fetcher, server: Server, registry: Registry) -> None:
    del server, registry  # loopback by its number would be asked in clear
    assert told(rkt, "docker://example.com:5000/app:large") == (
        'cannot fetch image "docker://example.com:5000/app:large": no secure connection to'
        " example.com:5000: wrong version number"
        " (if it speaks plain http, and that is all right: --insecure-options=http)"
    )


def test_a_tag_that_is_not_there(rkt: Fetcher, registry: Registry) -> None:
    name = f"docker://{registry.host}/app:nosuch"
    assert told(rkt, name, options=PLAIN) == (
        f'cannot fetch image "{name}": http://{registry.host}/v2/app/manifests/nosuch: HTTP status'
        ' 404: MANIFEST_UNKNOWN: "manifest unknown" (are repository and tag right?)'
    )


def test_an_image_of_another_platform(rkt: Fetcher, registry: Registry) -> None:
    name = f"docker://{registry.host}/app:other"
    assert told(rkt, "--platform=linux/arm64", name, options=PLAIN) == (
        f'cannot fetch image "{name}": there is no image for linux/arm64'
        " (there are: linux/s390x; choose with: rktpy fetch --platform)"
    )


@pytest.fixture
def small_disk(rkt: Fetcher) -> Iterator[None]:
    """The data directory has 6 MiB."""
    rkt.data.mkdir(parents=True)
    command.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=755", "tmpfs", str(rkt.data)])
    yield
    command.run(["umount", str(rkt.data)])


@pytest.mark.usefixtures("small_disk")
def test_no_room_for_a_layer(rkt: Fetcher, registry: Registry) -> None:
    name = f"docker://{registry.host}/app:large"
    assert told(rkt, name, options=PLAIN).removeprefix(f'cannot fetch image "{name}": ') == ROOM


@pytest.mark.usefixtures("small_disk")
def test_no_room_for_an_image_file(rkt: Fetcher, server: Server, tmp_path: Path) -> None:
    large = build_aci(tmp_path / "large.aci", files={"/data": os.urandom(8 << 20)})
    server.put("/dir/x.aci", large)

    assert told(rkt, ACI) == f"cannot store the download of {ACI}: {ROOM}"
    assert told(rkt, str(large)) == f'cannot import image "{large}": {ROOM}'
    done = rkt(IMAGE, "run", "--net=none", large)
    assert done.err == f"run: cannot assemble the built-in stage1 image: {ROOM}\n"
