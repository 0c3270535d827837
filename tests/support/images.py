"""Builds app container images (ACI files) for tests, the bench and the demo.

``build_aci`` writes a good image; the same arguments give the same bytes. Broken images are made by
``tests.support.hostile``, broken manifests by ``tests.support.manifests``.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.support import archive
from tests.support.archive import Entry, compressed, scan_tree, write_tar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

# What may be written for a file of an image: its content, a host file to copy, a full entry.
Content: TypeAlias = "bytes | str | Path | Entry"

AC_VERSION = "0.8.11"
_MACHINES = {"x86_64": "amd64", "aarch64": "aarch64", "armv7l": "armv7l", "ppc64le": "ppc64le"}


def host_arch() -> str:
    """Return the appc name of this machine's architecture (images.md 1.8)."""
    return _MACHINES.get(os.uname().machine, os.uname().machine)


def image_manifest(
    name: str,
    *,
    exec: Sequence[str] | None = ("/bin/app",),  # noqa: A002  # appc's own word
    user: str = "0",
    group: str = "0",
    app: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **rest: Any,
) -> dict[str, Any]:
    """Return an image manifest as plain JSON data.

    ``exec=None`` leaves the whole ``app`` object out; ``app`` adds keys to it (``environment``,
    ``mountPoints`` …). ``labels`` replaces the default of this host's os and arch. ``rest`` are
    further top-level keys (``dependencies``, ``pathWhitelist`` or unknown ones).
    """
    if labels is None:
        labels = {"os": "linux", "arch": host_arch()}
    manifest: dict[str, Any] = {"acKind": "ImageManifest", "acVersion": AC_VERSION, "name": name}
    if labels:
        manifest["labels"] = _pairs(labels)
    if exec is not None:
        manifest["app"] = {"exec": list(exec), "user": user, "group": group, **(app or {})}
    if annotations:
        manifest["annotations"] = _pairs(annotations)
    return manifest | rest


def build_aci(
    path: Path,
    *,
    name: str = "example.com/app",
    files: Mapping[str, Content] | None = None,
    tree: Path | None = None,
    manifest: Mapping[str, Any] | bytes | None = None,
    compression: str | None = None,
    level: int = 6,
    manifest_first: bool = True,
    extra: Iterable[Entry] = (),
    **of_manifest: Any,
) -> Path:
    """Write an ACI to ``path`` and return ``path``.

    ``files`` maps paths inside the image (``/bin/app``) to content: text or bytes (mode 0755
    below a ``bin`` directory, else 0644), a host file to copy, or an ``Entry`` made by
    ``tests.support.archive``. ``tree`` is a directory whose content becomes the root. Parents are
    made as needed. ``manifest`` replaces the one ``image_manifest(name, **of_manifest)`` would
    give. ``compression`` is None or one of ``archive.COMPRESSIONS``. ``extra`` members are
    written last, with their literal names.
    """
    if manifest is None:
        manifest = image_manifest(name, **of_manifest)
    members = list(rootfs_entries(files or {}, tree))
    head = manifest_entry(manifest)
    order = [head, *members] if manifest_first else [*members, head]
    with compressed(path, compression, level=level) as out:
        write_tar(out, [*order, *extra])
    return path


def manifest_entry(manifest: Mapping[str, Any] | bytes) -> Entry:
    """Return the ``manifest`` member for ``manifest``, given as JSON data or as literal bytes."""
    raw = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    return Entry("manifest", data=raw)


def rootfs_entries(files: Mapping[str, Content], tree: Path | None = None) -> Iterable[Entry]:
    """Yield the ``rootfs`` directory and everything in it, parents before children, sorted."""
    nodes: dict[str, Entry] = dict(scan_tree(tree)) if tree else {}
    for where, content in files.items():
        nodes[where.strip("/")] = _as_entry(where, content)
    for where in list(nodes):
        while where := posixpath.dirname(where):
            nodes.setdefault(where, archive.directory())
    yield Entry("rootfs", mode=0o755, type=tarfile.DIRTYPE)
    # Hard links come after every possible target.
    for where in sorted(nodes, key=lambda w: (nodes[w].type == tarfile.LNKTYPE, w)):
        yield replace(nodes[where], name=where).under("rootfs")


def image_id(path: Path) -> str:
    """Return ``sha512-`` and all 128 digits of an ACI's ID, whatever its compression."""
    digest = hashlib.sha512()
    with _opened(path) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return f"sha512-{digest.hexdigest()}"


def image_key(path: Path) -> str:
    """Return the store key of an ACI: ``sha512-`` and the first 64 digits (images.md 0)."""
    return image_id(path)[:71]


def _opened(path: Path) -> Any:
    import bz2
    import gzip
    import lzma

    with path.open("rb") as file:
        head = file.read(6)
    if head[:2] == b"\x1f\x8b":
        return gzip.open(path)
    if head[:3] == b"BZh":
        return bz2.open(path)
    if head == b"\xfd7zXZ\0":
        return lzma.open(path)
    if head[:4] == b"\x28\xb5\x2f\xfd":
        import zstandard

        return zstandard.open(path)
    return path.open("rb")


def _as_entry(where: str, content: Content) -> Entry:
    if isinstance(content, Entry):
        return content
    if isinstance(content, (bytes, str)):
        in_bin = posixpath.basename(posixpath.dirname(where)) in ("bin", "sbin")
        return archive.file(content, 0o755 if in_bin else 0o644)
    return Entry("", mode=content.stat().st_mode & 0o7777, source=content)


def _pairs(mapping: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in mapping.items()]
