"""Layers from a registry: fetched once for all images that have them, and again when damaged."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.registries import PLAIN
from tests.support.layouts import Layout
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration

APP = "docker://127.0.0.1:5000/app:t"


@pytest.fixture
def registry(_own_namespaces: None, tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path) as running:
        yield running


@pytest.fixture
def layout(registry: Registry, tmp_path: Path) -> Layout:
    """Two images with a common base are in the registry."""
    made = Layout(tmp_path / "layout")
    made.image({"base": "b" * 1000}, {"app": "a" * 1000}, tag="t")
    made.image({"base": "b" * 1000}, {"other": "o" * 1000}, tag="u")
    for tag, name in (("t", "app:t"), ("u", "other:u")):
        registry.push(f"oci:{made.path}:{tag}", name)
    return made


def _layers(rkt: Fetcher) -> list[Path]:
    return sorted((rkt.data / "cas/layer").iterdir())


@pytest.mark.usefixtures("layout")
def test_a_common_base_is_fetched_and_kept_once(rkt: Fetcher, registry: Registry) -> None:
    rkt.ok(PLAIN, "fetch", APP)
    before = registry.asked("/blobs/")

    rkt.ok(PLAIN, "fetch", "docker://127.0.0.1:5000/other:u")

    assert len(_layers(rkt)) == 3
    assert registry.asked("/blobs/") == before + 2  # configuration and one layer


@pytest.mark.usefixtures("layout")
def test_a_damaged_layer_alone_is_fetched_again_by_the_command_of_the_hint(
    rkt: Fetcher, registry: Registry
) -> None:
    key = rkt.ok(PLAIN, "fetch", "--full", APP).strip()
    (damaged,) = [path for path in _layers(rkt) if (path / "rootfs/app").exists()]
    (damaged / "rootfs/app").write_text("changed")

    done = rkt("image", "verify", key)
    refused = rkt(PLAIN, "image", "render", key, rkt.data.parent / "out")
    before = registry.asked("/blobs/")
    hint = re.search(r"rktpy (fetch .*?)[)\n]", done.err)
    assert hint is not None, done
    again = rkt(*hint[1].split())

    assert (done.status, refused.status) == (254, 254)
    assert f"layer {damaged.name.replace('-', ':')} is damaged" in done.err
    assert again.status == 0, again
    assert registry.asked("/blobs/") == before + 2
    assert "successfully verified" in rkt.ok("image", "verify", key)
    assert os.listdir(rkt.data / "cas/tmp") == []
