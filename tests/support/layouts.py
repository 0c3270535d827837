"""Builds images of layers by hand: OCI layouts, and archives as ``docker save`` writes them."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import tarfile
from typing import TYPE_CHECKING, Any

from tests.support import archive
from tests.support.archive import Entry, tar_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
GO_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def layer(content: Mapping[str, bytes | str | Entry] | bytes) -> bytes:
    """Return a layer as a tar, in the order of ``content``; bytes are one already."""
    if isinstance(content, bytes):
        return content
    from dataclasses import replace

    entries = [
        replace(what if isinstance(what, Entry) else archive.file(what), name=name)
        for name, what in content.items()
    ]
    return tar_bytes(entries)


def whiteout() -> Entry:
    """Return what a whiteout is, whatever its name."""
    return archive.file(b"", 0o600)


class Layout:
    """An OCI layout in a directory; images are added to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: list[dict[str, Any]] = []
        (path / "blobs/sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self._write_index()

    def blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        """Store ``data`` and return its descriptor."""
        digest = hashlib.sha256(data).hexdigest()
        (self.path / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def file(self, descriptor: Mapping[str, Any]) -> Path:
        return self.path / "blobs" / str(descriptor["digest"]).replace(":", "/")

    def image(
        self,
        *layers: Mapping[str, bytes | str | Entry] | bytes,
        tag: str = "latest",
        config: Mapping[str, Any] | None = None,
        compress: bool = True,
        architecture: str = GO_ARCH,
        listed: bool = True,
        **rest: Any,
    ) -> dict[str, Any]:
        """Add an image and return the descriptor of its manifest, which has ``rest`` too."""
        tars = [layer(one) for one in layers]
        blobs = [gzip.compress(tar, 6, mtime=0) if compress else tar for tar in tars]
        kind = OCI_LAYER + ("+gzip" if compress else "")
        described = {
            "os": "linux",
            "architecture": architecture,
            "config": dict(config or {}),
            "rootfs": {"type": "layers", "diff_ids": list(map(digest_of, tars))},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": self.blob(json.dumps(described).encode(), OCI_CONFIG),
            "layers": [self.blob(one, kind) for one in blobs],
            **rest,
        }
        found = self.blob(json.dumps(manifest).encode(), OCI_MANIFEST)
        if listed:
            self.add(found, tag)
        return found

    def index(self, entries: Sequence[Mapping[str, Any]], tag: str = "latest") -> dict[str, Any]:
        """Add an index of images and return its descriptor."""
        content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
        found = self.blob(json.dumps(content).encode(), OCI_INDEX)
        self.add(found, tag)
        return found

    def add(self, descriptor: Mapping[str, Any], tag: str) -> None:
        name = {"org.opencontainers.image.ref.name": tag}
        self._entries.append({**descriptor, "annotations": name})
        self._write_index()

    def archive(self, path: Path) -> Path:
        """Write the layout as a tar."""
        with tarfile.open(path, "w") as out:
            out.add(self.path, arcname=".")
        return path

    def _write_index(self) -> None:
        content = {"schemaVersion": 2, "manifests": self._entries}
        (self.path / "index.json").write_text(json.dumps(content))


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
