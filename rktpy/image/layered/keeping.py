"""What has arrived of a blob, kept so that a pull after a kill goes on where that one ended.

It lies where other downloads do (``rktpy.image.partial``), by its address, until the blob is whole
or found to be something else: the digest says so at the end. The pull needs no byte of it, so on
a disk that gets full it makes room.
"""

from __future__ import annotations

import os

from rktpy.host.files import is_full
from rktpy.image.layered.blobs import write_all
from rktpy.image.partial import Validator, open_partial
from rktpy.log import Logger
from rktpy.resource import Resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.image.layered.documents import Descriptor
    from rktpy.image.partial import Partial

_LEAST = 1 << 20  # bytes; less is quicker had anew
_PIECE = 1 << 18
_ROOM = 8  # times the blob; three layers at once, each two to four times as large when unpacked
_logger = Logger("image")


class Kept(Resource):
    """The part of one blob; ours alone until it is closed. Without a ``partial`` it stays empty."""

    __slots__ = ("_partial", "_room")

    def __init__(self, partial: Partial | None, room: int = 0) -> None:
        """``room`` is how many bytes must stay free on the disk."""
        self._partial = partial
        self._room = room

    def pieces(self) -> Iterator[bytes]:
        """Yield what there is; what is added now goes behind it."""
        if self._partial is None:
            return
        if self._partial.size:
            _logger.debug("going on after %d bytes of a layer", self._partial.size)
        os.lseek(self._partial.fd, 0, os.SEEK_SET)
        while piece := os.read(self._partial.fd, _PIECE):
            yield piece

    def add(self, piece: bytes) -> None:
        """Keep what comes next, for as long as there is room.

        Raises:
            OSError: the disk says no, and is not full.
        """
        if self._partial is None:
            return
        disk = os.fstatvfs(self._partial.fd)
        if disk.f_bavail * disk.f_frsize < self._room:
            self.discard()
            return
        try:
            write_all(self._partial.fd, piece)
        except OSError as error:
            if not is_full(error):
                raise
            self.discard()

    def discard(self) -> None:
        """Remove it, and keep nothing more; twice is fine."""
        partial, self._partial = self._partial, None
        if partial is not None:
            with partial:
                partial.discard()

    def close(self) -> None:
        """Let go of it; what there is stays for another time."""
        if self._partial is not None:
            self._partial.close()


def keep(downloads: str, address: str, blob: Descriptor) -> Kept:
    """Return what is kept of ``blob``, which comes from ``address``; wait for another process.

    Raises:
        ForeignPartialError: somebody else put something in its place.
        OSError: the store cannot be written.
    """
    if blob.size < _LEAST:
        return Kept(None)
    kept = Kept(None)
    try:
        partial = open_partial(downloads, address)
        kept = Kept(partial, _ROOM * blob.size)
        version = Validator(blob.digest)
        if partial.validator() != version:  # new, or of another boot: there may be holes in it
            partial.restart(version)
    except OSError as error:
        kept.discard()
        if not is_full(error):
            raise
    return kept
