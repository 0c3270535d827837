"""The lists of images in archives: docker's ``manifest.json`` and a layout's ``index.json``."""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING

from rktpy import codec
from rktpy.errors import RktError
from rktpy.image.layered.documents import LayeredImageError
from rktpy.image.layered.local import read_layout, read_saved
from rktpy.image.reference import ImageRef, Kind
from tests.fuzz.mutate import stretch_json, structured
from tests.fuzz.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KEYS = ("manifest.json", "config.json", "index.json", "oci-layout", "RepoTags", "Config", "Layers",
         "annotations", "org.opencontainers.image.ref.name")  # fmt: skip
_DIGEST = "sha256:" + "a" * 64
_PLATFORM = ("linux", "amd64", "")


class _Files:
    """Files by name, as JSON has them."""

    def __init__(self, content: Mapping[str, object]) -> None:
        self._content = content

    def pieces(self, name: str) -> Iterator[bytes]:
        if name not in self._content:
            raise LayeredImageError(f"no {name}")
        yield json.dumps(self._content[name]).encode()


def _seeds() -> list[bytes]:
    config = {"rootfs": {"type": "layers", "diff_ids": [_DIGEST]}}
    image = {"RepoTags": ["a:1", "b"], "Config": "config.json", "Layers": ["layer.tar"]}
    entry = {"mediaType": "x", "digest": _DIGEST, "size": 7}
    named = entry | {"annotations": {"org.opencontainers.image.ref.name": "a:1"}}
    files = {
        "manifest.json": [image],
        "config.json": config,
        "layer.tar": "",
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        "index.json": {"schemaVersion": 2, "manifests": [named, entry]},
    }
    return [json.dumps(files).encode()]


def _run(data: bytes) -> None:
    content = codec.parse(data)
    if not isinstance(content, dict):
        return
    files = _Files(content)
    for tag in ("", "a:1", "b"):
        ref = ImageRef(Kind.DOCKER_ARCHIVE, f"docker-archive:/x:{tag}", path="/x", tag=tag)
        try:
            found, blobs = read_saved(files, ref)
            for layer in found.layers:
                deque(blobs.stream(layer), maxlen=0)
        except RktError:
            pass  # the other way is worth trying too
        try:
            read_layout(files, ref, _PLATFORM)
        except RktError:
            pass


TARGET = Target(_run, _seeds, structured(_KEYS), stretch_json)
