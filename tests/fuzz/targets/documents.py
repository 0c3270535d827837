"""Manifests and indexes of registries and layouts."""

from __future__ import annotations

import json

from rktpy.image.layered.documents import OCI_INDEX, OCI_MANIFEST, Index, choose, parse_document
from tests.fuzz.mutate import stretch_json, structured
from tests.fuzz.target import Target

_KEYS = (
    "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "digest", "size",
    "platform", "os", "architecture", "variant", "annotations",
)  # fmt: skip
_DIGEST = "sha256:" + "a" * 64


def _descriptor(kind: str, **rest: object) -> dict[str, object]:
    return {"mediaType": kind, "digest": _DIGEST, "size": 7, **rest}


def _seeds() -> list[bytes]:
    config = _descriptor("application/vnd.oci.image.config.v1+json")
    layers = [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip")]
    platform = {"os": "linux", "architecture": "arm", "variant": "v7"}
    entries = [
        _descriptor(OCI_MANIFEST, platform=platform, annotations={"a": "b"}),
        _descriptor(OCI_MANIFEST, platform={"os": "linux", "architecture": "amd64"}),
    ]
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return [json.dumps(one).encode() for one in (manifest, index, {"schemaVersion": 1})]


def _run(data: bytes) -> None:
    found = parse_document(data, "application/json")
    hash(found)
    if isinstance(found, Index):
        choose(found, ("linux", "arm", "v7")).annotation("a")
    else:
        assert sum(layer.size for layer in found.layers) < 1 << 80


TARGET = Target(_run, _seeds, structured(_KEYS), stretch_json)
