"""Pods of images that come from the network, as rkt's functional tests start them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import images_at, page, token_file
from tests.support.images import build_aci, image_manifest
from tests.support.inspect_image import inspect_aci

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.integration.run.rk import Done
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration
UNKNOWN = "openpgp: signature made by unknown entity"


@pytest.fixture(autouse=True)
def _collected(rkt: Fetcher) -> Iterator[None]:
    yield
    assert rkt.collect().status == 0
    assert rkt.pods() == []


def _inspect(path: Path, name: str, message: str) -> Path:
    return inspect_aci(path, f"--print-msg={message}", name=name, isolators=())


def _run(rkt: Fetcher, *words: str | Path, options: tuple[str, ...] = ()) -> Done:
    return rkt("--debug", *options, "run", "--net=none", "--mds-register=false", *words)


def test_only_images_with_a_trusted_signature_run(rkt: Fetcher, keys: Keys, tmp_path: Path) -> None:
    first = _inspect(tmp_path / "trust1.aci", "example.com/my-app", "Hello")
    second = _inspect(tmp_path / "trust2.aci", "example.com/my-other", "Hello")

    def refused(path: Path, words: str) -> bool:
        done = _run(rkt, path)
        return done.status == 254 and words in done.err

    def greets(path: Path) -> bool:
        done = _run(rkt, path)
        return done.status == 0 and "Hello" in done.lines()

    assert refused(first, "error opening signature file")
    for path in (first, second):
        keys.sign("key1", path)
    assert refused(first, UNKNOWN)
    rkt.trust(keys.file("key1"), "--prefix=wrong-prefix.com/my-app")
    assert refused(first, UNKNOWN)
    rkt.trust(keys.file("key2"), "--prefix=example.com/my-app")
    assert refused(first, UNKNOWN)
    rkt.trust(keys.file("key1"), "--prefix=example.com/my-app")
    assert greets(first)
    assert refused(second, UNKNOWN)
    rkt.trust(keys.file("key1"), "--prefix=foo.com")
    assert greets(first)
    assert refused(second, UNKNOWN)
    rkt.trust(keys.file("key1"), "--root")
    assert greets(first)
    assert greets(second)


def test_a_pod_runs_from_a_server_that_wants_credentials(
    rkt: Fetcher, server: Server, tmp_path: Path
) -> None:
    image = _inspect(tmp_path / "auth.aci", "example.com/auth", "AuthenticationSucceeded.")
    server.put("/auth.aci", image, authorization="Bearer right")
    url = "https://example.com/auth.aci"

    def status(*options: str) -> tuple[int, str]:
        done = _run(rkt, "--no-store", url, options=options)
        return done.status, done.err + done.out

    waived = "--insecure-options=image,tls"
    assert "error downloading the signature file" in status()[1]
    assert "bad HTTP status code: 401" in status(waived)[1]
    for ignored in ("README", "test.noconf", "dir.json/test.json"):
        rkt.configure(ignored, token_file("right"))
    assert "bad HTTP status code: 401" in status(waived)[1]
    vendor = rkt.configure("test.json", token_file("right"), system=True)
    code, said = status(waived)
    assert (code, "AuthenticationSucceeded." in said) == (0, True)
    rkt.configure("test.json", token_file("wrong"))
    assert "bad HTTP status code: 401" in status(waived)[1]
    vendor.write_text(token_file("wrong"))
    rkt.configure("test.json", token_file("right"))
    code, said = status(waived)
    assert (code, "AuthenticationSucceeded." in said) == (0, True)


def test_a_signature_that_comes_later_is_waited_for(
    rkt: Fetcher, server: Server, keys: Keys, tmp_path: Path
) -> None:
    image = _inspect(tmp_path / "app.aci", "localhost/app", "deferred signature")
    server.put("/app", page(images_at("localhost", "https://localhost/{name}.{ext}")))
    server.put("/localhost/app.aci", image)
    server.put("/localhost/app.aci.asc", keys.sign("key1", image), after="/localhost/app.aci")
    rkt.trust(keys.file("key1"), "--root")

    done = _run(rkt, "localhost/app", options=("--insecure-options=tls",))

    assert "server requested deferring the signature download" in done.err
    assert (done.status, "deferred signature" in done.lines()) == (0, True)


def test_a_pod_runs_from_a_tree_of_dependencies(
    rkt: Fetcher, server: Server, tmp_path: Path
) -> None:
    server.put("/index", page(images_at("localhost", "https://localhost/{name}.{ext}")))

    def built(letter: str, *needs: dict[str, object], **of: object) -> Path:
        manifest = image_manifest(
            f"localhost/image-{letter}",
            exec=("/inspect", "--print-msg=HelloDependencies") if letter == "a" else None,
            dependencies=list(needs),
            **of,  # type: ignore[arg-type]
        )
        path = build_aci(tmp_path / f"{letter}.aci", manifest=manifest)
        server.put(f"/localhost/image-{letter}.aci", path)
        return path

    def need(name: str, version: str = "") -> dict[str, object]:
        labels = [{"name": "version", "value": version}] if version else []
        return {"imageName": name, "labels": labels}

    b, c, d, e = (f"localhost/image-{letter}" for letter in "bcde")
    built("a", need(b), need(c), need(d))
    before = [built("b"), inspect_aci(tmp_path / "inspect.aci", isolators=())]
    built("c", need(b), need(e, "1"))
    built("d", need(b), need(e, "1"))
    built("e", need("coreos.com/rkt-inspect"), labels={"version": "1"})
    waived = "--insecure-options=image,tls"
    rkt.ok(waived, "fetch", *before)
    trees = len(list((rkt.data / "cas/tree").iterdir()))

    done = _run(rkt, "localhost/image-a", options=(waived,))

    steps = [
        "image: fetching image from https://localhost/localhost/image-a.aci",
        "image: using image from local store for image name localhost/image-b",
        "image: fetching image from https://localhost/localhost/image-c.aci",
        "image: fetching image from https://localhost/localhost/image-d.aci",
        "image: using image from local store for image name coreos.com/rkt-inspect",
    ]
    assert re.search("(?s)" + ".*".join(map(re.escape, steps)), done.err), done.err
    assert (done.status, "HelloDependencies" in done.lines()) == (0, True)
    assert trees == 2  # fetch, as root, renders


def test_a_pod_is_prepared_from_a_name(
    rkt: Fetcher, server: Server, keys: Keys, tmp_path: Path
) -> None:
    image = _inspect(tmp_path / "app.aci", "example.com/app", "prepared")
    server.put("/app", page(images_at("example.com", "https://example.com/{name}.{ext}")))
    server.put("/example.com/app.aci", image)
    server.put("/example.com/app.aci.asc", keys.sign("key1", image))
    rkt.trust(keys.file("key1"), "--prefix=example.com")

    prepared = rkt("prepare", "--quiet", "example.com/app")
    uuid = prepared.out.strip()

    assert prepared.status == 0
    assert "Downloading" not in prepared.err
    done = rkt("run-prepared", "--net=none", uuid)
    assert (done.status, "prepared" in done.lines()) == (0, True)
