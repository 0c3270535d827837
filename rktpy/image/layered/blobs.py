"""Layers on their way: checked against their digests, unwrapped, and kept in nameless files."""

from __future__ import annotations

import errno
import hashlib
import os

from rktpy.host.archive import formats as archive_formats
from rktpy.host.archive.reader import BLOCK
from rktpy.image.layered.documents import LayeredImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from rktpy.host.archive.limits import Limits
    from rktpy.image.layered.documents import Descriptor

    class Blobs(Protocol):
        """Where the parts of an image come from. May be asked by several threads."""

        def open(self, blob: Descriptor) -> int:
            """Return a descriptor of the blob, at its start, for the caller to close.

            Raises:
                LayeredImageError: it is not there, or does not have its digest or size.
            """


def nameless(directory: str) -> int:
    """Return a new file in ``directory`` that is gone when it is closed, also by kill -9.

    Raises:
        OSError: the directory cannot be written.
    """
    flags = os.O_RDWR | os.O_CLOEXEC
    try:
        return os.open(directory, flags | os.O_TMPFILE, 0o600)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise
    path = f"{directory}/.{os.urandom(8).hex()}"
    fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    os.unlink(path)
    return fd


def write_all(fd: int, data: bytes) -> None:
    """Write ``data`` at the position of ``fd``."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def new_hash(digest: str) -> Any:  # noqa: ANN401 - hashlib's types have no name
    """Return an empty hash of the algorithm of ``digest``, which ``is_digest``."""
    return hashlib.new(digest.partition(":")[0])


def check_digest(found: Any, blob: Descriptor, size: int) -> None:  # noqa: ANN401 - as above
    """Refuse content of ``size`` bytes that is not ``blob``.

    Raises:
        LayeredImageError: it has another size or hash.
    """
    if size != blob.size:
        raise LayeredImageError(f"{blob.digest} has {size} bytes instead of {blob.size}")
    algorithm, _, expected = blob.digest.partition(":")
    if found.hexdigest() != expected:
        raise LayeredImageError(f"{blob.digest} has the digest {algorithm}:{found.hexdigest()}")


def check_file(fd: int, blob: Descriptor) -> None:
    """Refuse the file ``fd`` unless it is ``blob``; its position stays. See ``check_digest``."""
    size = os.fstat(fd).st_size
    found = new_hash(blob.digest)
    position = 0
    while size == blob.size and (piece := os.pread(fd, archive_formats.PIECE, position)):
        found.update(piece)
        position += len(piece)
    check_digest(found, blob, size)


def read_blob(blobs: Blobs, blob: Descriptor, limit: int) -> bytes:
    """Return the content of a small blob.

    Raises:
        LayeredImageError: it is larger than ``limit`` bytes, or what ``Blobs.open`` raises.
    """
    if blob.size > limit:
        raise LayeredImageError(f"{blob.digest} is larger than {limit} bytes")
    fd = blobs.open(blob)
    try:
        return os.pread(fd, limit, 0)
    finally:
        os.close(fd)


def unwrap(source: int, diff_id: str, scratch: str, limits: Limits) -> int:
    """Return a file with the uncompressed layer in ``source``, which has the digest ``diff_id``.

    Raises:
        ArchiveError: it is damaged, or a bomb.
        LayeredImageError: it has another digest.
        OSError: the disk is full.
    """
    digest = new_hash(diff_id)
    plain = nameless(scratch)
    try:
        size = 0
        for piece in archive_formats.pieces(source, _kind(source)):
            size += len(piece.data)
            limits.check_stream(size, piece.consumed)
            digest.update(piece.data)
            write_all(plain, piece.data)
        if digest.hexdigest() != diff_id.partition(":")[2]:
            raise LayeredImageError(
                f"a layer unpacks to {digest.name}:{digest.hexdigest()} instead of {diff_id}"
            )
        # Some layers have no end mark (umoci's); having its digest, it is whole.
        write_all(plain, bytes(-size % BLOCK + 2 * BLOCK))
    except BaseException:
        os.close(plain)
        raise
    return plain


def _kind(source: int) -> str:
    """Return how a layer is wrapped; nothing but zeros is an empty archive."""
    head = os.pread(source, archive_formats.SNIFFED, 0)
    return archive_formats.detect(head) if head.strip(b"\0") else "tar"
