"""Where a tar stream goes: a descriptor, with few writes, gzipped if wanted."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ENOUGH = 1 << 17
_GZIP = 31  # window bits: the largest window, with gzip's head and tail
_LEVEL = 1  # the fastest of zlib, the second of ISA-L


class Sink:
    """Takes pieces by ``put``; the last of them are out after ``finish``. The caller has ``fd``.

    gzip's head has no time and no name, so equal streams give equal files.
    """

    __slots__ = ("_compressor", "_fd", "_held")

    def __init__(self, fd: int, *, gzip: bool = False) -> None:
        self._fd = fd
        self._held = bytearray()
        self._compressor = _gzip() if gzip else None

    def put(self, data: bytes) -> None:
        """Take ``data``.

        Raises:
            BrokenPipeError: nobody reads any more.
            OSError: the disk is full.
        """
        if self._compressor is not None:
            data = self._compressor.compress(data)
        self._held += data
        if len(self._held) >= _ENOUGH:
            self._flush()

    def finish(self) -> None:
        """Write what is left."""
        if self._compressor is not None:
            self._held += self._compressor.flush()
        self._flush()

    def _flush(self) -> None:
        with memoryview(self._held) as whole:
            view = whole
            while view:
                view = view[os.write(self._fd, view) :]
        self._held = bytearray()


def _gzip() -> Any:  # noqa: ANN401 - zlib's or a module like it
    zlib: Any
    try:
        from isal import isal_zlib as zlib
    except ImportError:
        import zlib
    return zlib.compressobj(level=_LEVEL, wbits=_GZIP)
