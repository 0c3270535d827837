"""Images of registries that a rule of ``policy.d`` lets in without ``--insecure-options=image``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.registries import IMAGE
from tests.support.layouts import Layout
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration

HOST = "127.0.0.1:5000"
TEXT = f"docker://{HOST}/team/app"


def _rule(rkt: Fetcher, rule: str, *prefixes: str) -> None:
    said = {"rktKind": "imagePolicy", "rktVersion": "v1", "rule": rule}
    rkt.configure("rule.json", json.dumps(said | {"prefixes": prefixes}), directory="policy.d")


@pytest.fixture
def digest(tmp_path: Path, registry: Registry) -> str:
    """The digest of an image that is there as ``team/app``."""
    layout = Layout(tmp_path / "layout")
    found = layout.image({"a": "1"}, tag="t")["digest"]
    registry.push(f"oci:{layout.path}:t", "team/app:latest")
    return str(found)


@pytest.fixture
def registry(_own_namespaces: None, tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path) as running:
        yield running


@pytest.mark.usefixtures("digest")
def test_a_registry_may_be_accepted_as_it_is(rkt: Fetcher, registry: Registry) -> None:
    assert "signature verification for docker images" in rkt("fetch", TEXT).err
    assert registry.asked("/manifests/") == 0
    _rule(rkt, "accept", HOST)

    key = rkt.ok("fetch", "--full", TEXT)
    blobs = registry.asked("/blobs/")
    assert rkt.ok("fetch", "--full", "--pull-policy=new", TEXT) == key
    assert registry.asked("/blobs/") == blobs


def test_an_image_may_have_to_be_named_by_its_digest(rkt: Fetcher, digest: str) -> None:
    _rule(rkt, "digest-pinned", f"{HOST}/team")

    by_tag = rkt("fetch", TEXT)
    key = rkt.ok("fetch", "--full", f"{TEXT}@{digest}")

    assert f"the rule for {HOST}/team accepts images by digest" in by_tag.err
    assert rkt.ok("fetch", "--full", "--pull-policy=never", f"{TEXT}@{digest}") == key


def test_what_was_waived_once_is_not_taken_for_accepted(rkt: Fetcher, digest: str) -> None:
    for text in (TEXT, f"{TEXT}@{digest}"):
        rkt.ok(IMAGE, "fetch", text)
    never = ("fetch", "--pull-policy=never")

    assert rkt(*never, f"{TEXT}@{digest}").status == 254
    _rule(rkt, "accept", HOST)
    assert rkt(*never, TEXT).status == 254  # nobody can say what the tag means now
    assert rkt(*never, f"{HOST.replace(':', '_')}/team/app:latest").status == 254
    assert rkt(*never, f"{TEXT}@{digest}").status == 0


@pytest.mark.usefixtures("digest")
def test_a_rule_that_cannot_be_read_lets_nothing_in(rkt: Fetcher) -> None:
    _rule(rkt, "acept", HOST)

    done = rkt("fetch", TEXT)

    assert done.status == 254
    assert 'unknown rule: "acept"' in done.err
    assert rkt("list").status == 0
