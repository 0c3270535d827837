"""Layers on their way: checked against their digests and unwrapped while they arrive."""

from __future__ import annotations

import errno
import hashlib
import os

from rktpy.host.archive import formats as archive_formats
from rktpy.host.archive.limits import ArchiveError, ArchiveLimitError
from rktpy.host.archive.reader import BLOCK
from rktpy.image.layered.documents import LayeredImageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Protocol

    from rktpy.host.archive.limits import Limits
    from rktpy.image.layered.documents import Descriptor

    class Blobs(Protocol):
        """Where the parts of an image come from. May be asked by several threads."""

        def stream(self, blob: Descriptor) -> Iterator[bytes]:
            """Yield the blob piece by piece. It is what it should be only when it has ended well.

            Raises, while iterating:
                LayeredImageError: it is not there, or does not have its digest or size.
            """

        def rest(self) -> None:
            """Close connections: processes that are forked now must not share them."""


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


def checked(pieces: Iterable[bytes], blob: Descriptor) -> Iterator[bytes]:
    """Yield ``pieces``, and refuse them at the end unless they are ``blob``; see ``check_digest``.

    What is too long is not read to its end.
    """
    size, found = 0, new_hash(blob.digest)
    for piece in pieces:
        size += len(piece)
        if size > blob.size:
            raise LayeredImageError(f"{blob.digest} has more than its {blob.size} bytes")
        found.update(piece)
        yield piece
    check_digest(found, blob, size)


def read_blob(blobs: Blobs, blob: Descriptor, limit: int) -> bytes:
    """Return the content of a small blob.

    Raises:
        LayeredImageError: it is larger than ``limit`` bytes, or what ``Blobs.stream`` raises.
    """
    if blob.size > limit:
        raise LayeredImageError(f"{blob.digest} is larger than {limit} bytes")
    return b"".join(blobs.stream(blob))


def unwrapped(source: Iterator[bytes], diff_id: str, limits: Limits) -> Iterator[bytes]:
    """Yield the uncompressed layer in ``source``, whole blocks with an end mark after them.

    ``source`` is read to its end, so that a blob which is not what its digest says is told as
    that, whatever else may be wrong with it.

    Raises, while iterating:
        ArchiveError: it is damaged, or a bomb.
        LayeredImageError: it has another digest than ``diff_id``; what ``source`` raises.
    """
    from rktpy.host.archive.hasher import Hasher  # threads: 4 ms, for who has a layer to read

    stream = archive_formats.Stream(source)
    size = 0
    with Hasher(new_hash(diff_id)) as hasher:
        try:
            for piece in archive_formats.pieces(stream.read, _kind(stream.head())):
                size += len(piece.data)
                limits.check_stream(size, piece.consumed)
                hasher.update(piece.data)
                yield piece.data
        except ArchiveLimitError:
            raise
        except ArchiveError:
            exhaust(source)
            raise
        exhaust(source)
        digest = hasher.finish()
    if digest.hexdigest() != diff_id.partition(":")[2]:
        raise LayeredImageError(
            f"a layer unpacks to {digest.name}:{digest.hexdigest()} instead of {diff_id}"
        )
    # Some layers have no end mark (umoci's); having its digest, it is whole.
    yield bytes(-size % BLOCK + 2 * BLOCK)


def told(pieces: Iterable[bytes], tell: Callable[[int], object]) -> Iterator[bytes]:
    """Yield ``pieces`` and ``tell`` the length of each."""
    for piece in pieces:
        tell(len(piece))
        yield piece


def exhaust(pieces: Iterable[bytes]) -> None:
    """Read ``pieces`` to their end, for what is said there."""
    for _piece in pieces:
        pass


def _kind(head: bytes) -> str:
    """Return how a layer is wrapped; nothing but zeros is an empty archive."""
    return archive_formats.detect(head) if head.strip(b"\0") else "tar"
