"""One pass over an image file: unwrap, hash and store it while a worker unpacks it.

The caller's process reads and writes, a thread hashes, the forked worker extracts: three
things at once on two cores, because an import is bounded by SHA-512 and page-cache copies.
"""

from __future__ import annotations

import hashlib
import os

from rktpy.host.archive import formats as archive_formats
from rktpy.host.archive import worker as archive_worker
from rktpy.host.archive.fed import Fed
from rktpy.host.archive.hasher import Hasher
from rktpy.host.archive.reader import announce
from rktpy.host.archive.unpack import Layer, Order, Outcome
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.archive.limits import Limits


class Intake(Value):
    """A stored archive: its SHA-512 in hex, its uncompressed size, and what was unpacked."""

    digest: str
    size: int
    outcome: Outcome


def take_in(source: archive_formats.Stream, blob: int, order: Order) -> Intake:
    """Copy the archive ``source`` uncompressed into the empty file ``blob`` and unpack it.

    ``source`` is read to its end; it may still be arriving. ``order`` needs no layers: the blob
    becomes the only one. Nothing is made durable here.

    Raises:
        ArchiveError: the archive is damaged, hostile or too large.
        OSError: the disk is full.
        Exception: what reading ``source`` raises.
    """
    kind = archive_formats.detect(source.head())
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        filled = order.replace(layers=(Layer(fd=blob, progress=reading),))
        worker = archive_worker.start(filled, close=(writing,))
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    fed = Fed(worker)

    def tell(size: int, *, complete: bool = False) -> None:
        """Tell the worker how much there is; raise what it raised if it gave up."""
        if fed.ended:
            return
        try:
            announce(writing, size, complete=complete)
        except BrokenPipeError:
            fed.outcome()  # if it saw the end mark, what follows is padding: hash it

    try:
        digest, size = _copy(source, kind, blob, order.limits, tell)
        tell(size, complete=True)
        return Intake(digest, size, fed.outcome())
    except BaseException:
        fed.cancel()
        raise
    finally:
        os.close(writing)


def hash_of(fd: int) -> str:
    """Return the SHA-512 in hex of the file ``fd``, from its start."""
    digest = hashlib.sha512()
    position = 0
    while piece := os.pread(fd, archive_formats.PIECE, position):
        digest.update(piece)
        position += len(piece)
    return digest.hexdigest()


def of_file(fd: int) -> archive_formats.Stream:
    """Return the file ``fd`` from its position on."""
    return archive_formats.Stream(iter(lambda: os.read(fd, archive_formats.PIECE), b""))


def _copy(
    source: archive_formats.Stream,
    kind: str,
    blob: int,
    limits: Limits,
    tell: Callable[[int], object],
) -> tuple[str, int]:
    with Hasher(hashlib.sha512()) as hasher:
        size = 0
        for piece in archive_formats.pieces(source.read, kind):
            data = piece.data
            hasher.update(data)
            size += len(data)
            limits.check_stream(size, piece.consumed)
            written = os.write(blob, data)
            while written < len(data):
                written += os.write(blob, memoryview(data)[written:])
            tell(size)
        return hasher.finish().hexdigest(), size
