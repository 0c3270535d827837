"""Stored images out of their archives into one directory."""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.host.archive.intake import hash_of
from rktpy.host.archive.limits import Devices
from rktpy.host.archive.unpack import Layer, Order
from rktpy.host.archive.worker import start
from rktpy.host.files import unchangeable
from rktpy.store.errors import ImageDamagedError
from rktpy.store.manifests import signed_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.host.archive.unpack import Outcome
    from rktpy.store.dependencies import Part
    from rktpy.store.images import ImageStore


def unpack(
    store: ImageStore, parts: Sequence[Part], target: str, *, owners: bool = True
) -> Outcome:
    """Extract the images ``parts``, strongest first, into the empty directory ``target``.

    One of layers goes through an archive made of it for that, in a nameless file.

    Raises:
        ImageDamagedError: a blob does not have its hash, or another manifest than is stored.
        TreeError: a layer of an image is missing or damaged.
        ArchiveError: a blob cannot be extracted.
        OSError: the disk is full.
    """
    opened: list[int] = []
    try:
        expected: list[tuple[int, str]] = []
        layers: list[Layer] = []
        for part in parts:
            fd = _flattened(store, part.key)
            if fd is None:
                fd = unchangeable(store.open_blob(part.key), store.layout.cas_tmp)
                expected.append((fd, part.key))
            opened.append(fd)
            layers.append(Layer(fd, own=part.own, chain=part.chain))
        # What the store holds passed the import's policy; rendering asks no second time.
        order = Order(layers=tuple(layers), target=target, owners=owners, devices=Devices.ALL)
        worker = start(order)
        try:
            for fd, key in expected:
                digest = hash_of(fd)
                if f"sha512-{digest[:64]}" != key:
                    raise ImageDamagedError(
                        f"image hash does not match expected (sha512-{digest[:64]} != {key})",
                        hint=f"rktpy image rm {key[:19]}, then fetch it again",
                    )
                _check_manifest(store, fd, key)
        except BaseException:
            worker.cancel()
            raise
        return worker.wait()
    finally:
        for fd in opened:
            os.close(fd)


def _check_manifest(store: ImageStore, fd: int, key: str) -> None:
    """Refuse an image whose stored manifest, which says what runs, is not that of its archive."""
    if signed_manifest(fd) != store.manifest_bytes(key):
        raise ImageDamagedError(
            f"the stored manifest of image {quote(key)} is not the one in its archive",
            hint=f"rktpy image rm {key[:19]}, then fetch it again",
        )


def _flattened(store: ImageStore, key: str) -> int | None:
    """Return an open archive of an image of layers, None for an image that has one."""
    if store.document(key) is None:
        return None
    from tempfile import TemporaryFile

    from rktpy.store.flattening import flatten_image
    from rktpy.store.stacks import check_root

    check_root()
    with TemporaryFile(dir=store.scratch()) as file:
        flatten_image(store, key, file.fileno())
        store.touch(key)
        fd = os.dup(file.fileno())
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
