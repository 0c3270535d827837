"""One layer in a process of its own: it arrives, is checked and unwrapped, and goes on through a
pipe to the confined process that unpacks it. Nothing of it is stored but its tree.
"""

from __future__ import annotations

import fcntl
import os

from rktpy.host.archive.layer_worker import start_layer
from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.image.layered.blobs import exhaust, told, unwrapped, write_all
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rktpy.host.archive.ends import LayerOutcome
    from rktpy.host.archive.layer_worker import LayerWorker
    from rktpy.image.layered.documents import Descriptor

_PIPE = 1 << 20  # bytes; what a user may have without asking


class Wanted(Value):
    """A layer: what it is unpacked, and the blob to get it from."""

    diff_id: str
    blob: Descriptor


def unpack_layer(
    target: str, source: Iterator[bytes], diff_id: str, tell: Callable[[int], object]
) -> LayerOutcome:
    """Unpack the layer that ``source`` yields, compressed or not, into the empty ``target``.

    ``tell`` is told how many bytes of ``source`` arrived. ``source`` is not begun before the
    worker is forked, so it may use threads.

    Raises:
        ArchiveError: the layer is damaged, hostile or too large.
        LayeredImageError: it does not have the digest ``diff_id``; what ``source`` raises.
        OSError: the disk is full.
    """
    limits = Limits()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        worker = start_layer(target, reading, limits, close=(writing,))
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    _widen(writing)
    source = told(source, tell)
    feed = _Feed(worker, writing)
    try:
        for piece in unwrapped(source, diff_id, limits):
            feed.put(piece, source)
        return feed.finish()
    except BaseException:
        feed.cancel()
        raise


def _widen(pipe: int) -> None:
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
    except OSError:
        pass  # then it is as wide as pipes are


class _Feed:
    """The worker as its feeder sees it. It may end first: at an error, or at the end mark."""

    __slots__ = ("_outcome", "_pipe", "_worker")

    def __init__(self, worker: LayerWorker, pipe: int) -> None:
        self._worker: LayerWorker | None = worker
        self._pipe = pipe
        self._outcome: LayerOutcome | None = None

    def put(self, piece: bytes, source: Iterator[bytes]) -> None:
        """Hand on ``piece``. If the worker refuses the layer, read ``source`` to its end first:
        that it has another digest would be the better answer.
        """
        if self._worker is None:
            return  # it saw the end mark, what follows is padding
        try:
            write_all(self._pipe, piece)
        except BrokenPipeError:
            try:
                self._wait()
            except ArchiveError:
                exhaust(source)
                raise

    def finish(self) -> LayerOutcome:
        """Return what the worker found."""
        self._wait()
        if self._outcome is None:
            raise ArchiveError("the unpacking process ended early")
        return self._outcome

    def cancel(self) -> None:
        """End the worker if it still runs."""
        if self._worker is not None:
            worker, self._worker = self._worker, None
            os.close(self._pipe)
            worker.cancel()

    def _wait(self) -> None:
        if self._worker is not None:
            worker, self._worker = self._worker, None
            os.close(self._pipe)
            self._outcome = worker.wait()
