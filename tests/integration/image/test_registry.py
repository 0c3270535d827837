"""Images from registries: Debian's docker-registry, plain and with TLS and a login, and a server
that wants tokens or breaks off.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.registries import IMAGE, PLAIN, login_file, serve_image
from tests.support.layouts import Layout, whiteout
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration


@pytest.fixture
def registry(_own_namespaces: None, tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path) as running:
        yield running


def _names(rkt: Fetcher, key: str) -> set[str]:
    out = rkt.data.parent / "rendered"
    rkt.ok("image", "render", "--rootfs-only", "--overwrite", key, out)
    return set(os.listdir(out))


def test_an_image_of_several_layers_is_pulled_and_known_by_its_name(
    rkt: Fetcher, registry: Registry, layout: Layout
) -> None:
    layout.image({"a": "1"}, {"b": os.urandom(300_000)}, {".wh.a": whiteout(), "c": "3"}, tag="t")
    registry.push(f"oci:{layout.path}:t", "some/app:1.0")

    key = rkt.ok(PLAIN, "fetch", "--full", "docker://127.0.0.1:5000/some/app:1.0").strip()
    assert _names(rkt, key) == {"b", "c"}
    assert rkt.images() == ["127.0.0.1_5000/some/app:1.0"]
    found = rkt.ok(IMAGE, "fetch", "--full", "--pull-policy=new", "127.0.0.1_5000/some/app:1.0")
    assert found.strip() == key
    rkt.ok("image", "verify", key)
    assert os.listdir(rkt.data / "cas/tmp") == []


@pytest.mark.parametrize("format_", ["v2s2", "oci"])
def test_both_kinds_of_manifest_give_the_same_tree(
    rkt: Fetcher, registry: Registry, layout: Layout, format_: str
) -> None:
    layout.image({"a": "1"}, {"b": "2"}, tag="t")
    registry.push(f"oci:{layout.path}:t", f"app:{format_}")
    subprocess.run(
        ["skopeo", "copy", "-q", "--format", format_, "--dest-tls-verify=false",
         f"oci:{layout.path}:t", f"docker://{registry.host}/app:{format_}"], check=True,
    )  # fmt: skip

    key = rkt.ok(PLAIN, "fetch", "--full", f"docker://127.0.0.1:5000/app:{format_}").strip()
    assert _names(rkt, key) == {"a", "b"}


def test_an_unchanged_image_costs_one_question(
    rkt: Fetcher, registry: Registry, layout: Layout
) -> None:
    layout.image({"a": "1"}, tag="t")
    registry.push(f"oci:{layout.path}:t", "app:t")
    text = "docker://127.0.0.1:5000/app:t"
    key = rkt.ok(PLAIN, "fetch", "--full", text).strip()
    blobs = registry.asked("/blobs/")

    assert rkt.ok(PLAIN, "fetch", "--full", text).strip() == key
    assert rkt.ok(PLAIN, "fetch", "--full", "--pull-policy=never", text).strip() == key
    assert registry.asked("/blobs/") == blobs

    layout.image({"a": "2"}, tag="u")
    registry.push(f"oci:{layout.path}:u", "app:t")
    assert rkt.ok(PLAIN, "fetch", "--full", "--pull-policy=new", text).strip() == key
    assert rkt.ok(PLAIN, "fetch", "--full", text).strip() != key


def test_a_digest_says_which_image_is_meant(
    rkt: Fetcher, registry: Registry, layout: Layout
) -> None:
    digest = layout.image({"a": "1"}, tag="t")["digest"]
    registry.push(f"oci:{layout.path}:t", "app:t")

    rkt.ok(PLAIN, "fetch", f"docker://127.0.0.1:5000/app@{digest}")
    assert rkt.images() == ["127.0.0.1_5000/app"]
    questions = registry.asked("/v2/")
    rkt.ok(PLAIN, "fetch", f"docker://127.0.0.1:5000/app@{digest}")
    assert registry.asked("/v2/") == questions  # what it names cannot have changed
    missing = f"docker://127.0.0.1:5000/app@sha256:{'0' * 64}"
    done = rkt(PLAIN, "fetch", missing)
    assert done.status == 254
    assert "HTTP status 404: MANIFEST_UNKNOWN" in done.err


def test_plain_http_needs_the_users_word_unless_it_stays_on_this_machine(
    rkt: Fetcher, server: Server, registry: Registry, layout: Layout
) -> None:
    del server  # for the names it gives
    layout.image({"a": "1"}, tag="t")
    registry.push(f"oci:{layout.path}:t", "app:t")

    done = rkt(IMAGE, "fetch", "docker://example.com:5000/app:t")
    assert done.status == 254
    assert "no secure connection to example.com:5000" in done.err
    done = rkt("fetch", "docker://127.0.0.1:5000/app:t")
    assert "signature verification for docker images is not supported" in done.err
    rkt.ok(PLAIN, "fetch", "docker://example.com:5000/app:t")
    rkt.ok(IMAGE, "fetch", "docker://127.0.0.1:5000/app:t")


@pytest.mark.parametrize("source", ["rkt", "docker"])
def test_a_login_lets_us_in_over_tls(
    rkt: Fetcher, server: Server, certificate: Path, layout: Layout, tmp_path: Path, source: str
) -> None:
    del server  # for the names it gives
    layout.image({"a": "1"}, tag="t")
    text = "docker://example.com:5000/app:t"
    env = {"DOCKER_CONFIG": str(tmp_path)}
    with Registry(
        tmp_path, host="example.com:5000", certificate=certificate, login=True
    ) as registry:
        registry.push(f"oci:{layout.path}:t", "app:t")
        done = rkt(IMAGE, "fetch", text, env=env)
        assert done.status == 254
        assert "example.com:5000 wants to know who asks" in done.err

        if source == "rkt":
            rkt.configure("registry.json", login_file("example.com:5000"))
        else:
            auths = {"example.com:5000": {"auth": "dXNlcjpzZWNyZXQ="}}
            (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
        key = rkt.ok(IMAGE, "fetch", "--full", text, env=env).strip()
        assert _names(rkt, key) == {"a"}


def test_a_token_is_fetched_from_whom_the_registry_names(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    challenge = (
        'Bearer realm="https://example.org/token",service="reg",scope="repository:app:pull,push"'
    )
    serve_image(server, layout, authorization="Bearer T0", headers={"WWW-Authenticate": challenge})
    server.put("/token", '{"token": "T0"}')

    rkt.ok(IMAGE, "fetch", "docker://example.com/app")
    (asked,) = server.requests("/token")
    assert asked["query"] == "service=reg&scope=repository%3Aapp%3Apull%2Cpush"
    assert "authorization" not in asked["headers"]
    assert "example.com/app:latest" in rkt.images()


def test_a_token_that_is_refused_is_an_error(rkt: Fetcher, server: Server, layout: Layout) -> None:
    challenge = 'Bearer realm="https://example.org/token"'
    serve_image(server, layout, authorization="Bearer T", headers={"WWW-Authenticate": challenge})
    server.put("/token", '{"token": "other"}')

    done = rkt(IMAGE, "fetch", "docker://example.com/app")
    assert done.status == 254
    assert "HTTP status 401" in done.err
    server.rule("/token", authorization="Basic nobody's")
    assert "unable to retrieve auth token" in rkt(IMAGE, "fetch", "docker://example.com/app").err


def test_a_connection_that_breaks_is_taken_up_where_it_was(
    rkt: Fetcher, server: Server, layout: Layout
) -> None:
    path = serve_image(server, layout)
    server.rule(path, cut=100_000)

    rkt.ok(IMAGE, "fetch", "docker://example.com/app")
    assert [one["headers"].get("range") for one in server.requests(path)] == [
        None,
        "bytes=100000-",
    ]


@pytest.mark.parametrize("what", ["manifest", "layer", "longer"])
def test_other_bytes_than_the_digest_says_are_found(
    rkt: Fetcher, server: Server, layout: Layout, what: str
) -> None:
    path = serve_image(server, layout)
    text = "docker://example.com/app"
    if what == "manifest":
        wrong = {"Docker-Content-Digest": "sha256:" + "0" * 64}
        server.rule("/v2/app/manifests/latest", headers=wrong)
    else:
        data = bytearray((server.root / path.lstrip("/")).read_bytes())
        data[1000] ^= 4
        server.put(path, bytes(data) + (b"x" if what == "longer" else b""))

    done = rkt(IMAGE, "fetch", text)
    assert done.status == 254
    assert {"longer": "has more than its"}.get(what, "has the digest sha256:") in done.err
    assert rkt.images() == []
    assert list(rkt.data.glob("cas/tmp/*")) == []


def test_a_pull_killed_at_any_moment_is_done_again(
    rkt: Fetcher, registry: Registry, layout: Layout
) -> None:
    layout.image(*({str(n): os.urandom(8 << 20)} for n in range(4)), tag="t")
    registry.push(f"oci:{layout.path}:t", "app:t")
    text = "docker://127.0.0.1:5000/app:t"
    for delay in (0.2, 0.35, 0.5, 0.65, 0.8):
        fetching = subprocess.Popen(rkt.argv(PLAIN, "fetch", text), stdout=subprocess.DEVNULL)
        try:
            fetching.wait(delay)
        except subprocess.TimeoutExpired:
            fetching.kill()
        fetching.wait()

    key = rkt.ok(PLAIN, "fetch", "--full", text).strip()
    rkt.ok("image", "verify", key)
    rkt.ok("image", "gc")
    assert os.listdir(rkt.data / "cas/tmp") == []
