"""Manifests and indexes: what is read, what is chosen, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.errors import RktError
from rktpy.image.layered.documents import (
    Index,
    LayeredImageError,
    Manifest,
    choose,
    parse_document,
)

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
SHA = "sha256:" + "0123456789abcdef" * 4


def _descriptor(kind: str = "layer", **rest: object) -> dict[str, Any]:
    return {"mediaType": kind, "digest": SHA, "size": 3, **rest}


def _manifest(**rest: object) -> bytes:
    fields = {"schemaVersion": 2, "config": _descriptor(CONFIG), "layers": [_descriptor()]}
    return json.dumps(fields | rest).encode()


def _index(*platforms: str, **rest: object) -> Index:
    entries = []
    for text in platforms:
        names = ("os", "architecture", "variant")
        platform = dict(zip(names, text.split("/"), strict=False))
        entries.append(_descriptor(OCI, platform=platform, **rest))
    found = parse_document(json.dumps({"mediaType": OCI_INDEX, "manifests": entries}).encode())
    assert isinstance(found, Index)
    return found


@pytest.mark.parametrize("kind", ["", DOCKER, OCI, "text/plain"])
def test_a_manifest_is_known_by_what_it_holds(kind: str) -> None:
    found = parse_document(_manifest(), kind)

    assert isinstance(found, Manifest)
    assert found.layers[0].digest == SHA


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[]", "not a JSON object"),
        (b"{", "cannot read the manifest"),
        (_manifest(schemaVersion=1), "schema 1"),
        (_manifest(layers=[]), "no layers"),
        (_manifest(layers=[_descriptor()] * 513), "more than 512 layers"),
        (_manifest(layers=[{"digest": "sha256:../x", "size": 1}]), "not a digest"),
        (_manifest(layers=[{"digest": SHA, "size": -1}]), "how large"),
        (_manifest(layers=[{"digest": SHA, "size": True}]), "how large"),
        (_manifest(layers={}), "no layers"),
        (_manifest(layers="x"), "is not a list"),
        (
            _manifest(config=_descriptor("application/vnd.helm")),
            "not an image but application/vnd.helm",
        ),
        (_manifest(artifactType="sbom"), "not an image but sbom"),
        (_manifest(mediaType="text/x"), "says it is text/x"),
        (_manifest(mediaType=DOCKER), "was served as"),
    ],
)
def test_what_is_no_image_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(LayeredImageError, match=words):
        parse_document(content, OCI)
    with pytest.raises(LayeredImageError, match="text/x is not an image"):
        parse_document(_manifest(mediaType="text/x"))


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        ("linux/amd64/", ("linux/arm64/v8", "linux/amd64"), "linux/amd64/"),
        ("linux/arm64/v8", ("linux/arm64", "linux/arm64/v8"), "linux/arm64/v8"),
        ("linux/arm/v7", ("linux/arm/v5", "linux/arm/v6"), "linux/arm/v6"),
        ("linux/arm/v6", ("linux/arm/v7", "linux/arm/v5"), "linux/arm/v5"),
        ("linux/amd64/", ("linux/amd64/v3", "linux/amd64/v1"), "linux/amd64/v1"),
    ],
)
def test_the_platform_decides_in_an_index(
    wanted: str, offered: tuple[str, ...], chosen: str
) -> None:
    os_name, machine, variant = wanted.split("/")

    found = choose(_index(*offered), (os_name, machine, variant))
    assert found.platform == tuple(chosen.split("/"))


def test_attestations_are_no_images_and_what_there_is_is_told() -> None:
    note = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}

    with pytest.raises(LayeredImageError, match="no image for linux/amd64"):
        choose(_index("linux/amd64", **note), ("linux", "amd64", ""))
    with pytest.raises(LayeredImageError) as caught:
        choose(_index("linux/arm64/v8", "linux/386"), ("linux", "amd64", ""))
    assert caught.value.hint == (
        "there are: linux/arm64/v8, linux/386; choose with: rktpy fetch --platform"
    )


def test_a_lone_entry_needs_no_platform() -> None:
    content = {"mediaType": OCI_INDEX, "manifests": [_descriptor(OCI)]}
    found = parse_document(json.dumps(content).encode())

    assert isinstance(found, Index)
    assert choose(found, ("linux", "amd64", "")).digest == SHA


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just(SHA),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size",
                 "platform", "os", "annotations", "artifactType"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_whatever_a_registry_sends_is_read_or_refused(value: object) -> None:
    try:
        parse_document(json.dumps(value).encode(), OCI)
    except RktError:
        pass
