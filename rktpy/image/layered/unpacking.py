"""One layer in a process of its own: it arrives, is checked and unwrapped, and goes on through a
pipe to the confined process that unpacks it. In the end nothing of it is stored but its tree.
"""

from __future__ import annotations

import fcntl
import os

from rktpy.host.archive.fed import Fed
from rktpy.host.archive.layer_worker import start_layer
from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.image.layered.blobs import exhaust, told, unwrapped, write_all
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rktpy.host.archive.ends import LayerOutcome
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
    fed = Fed(worker)
    try:
        try:
            for piece in unwrapped(source, diff_id, limits):
                _put(fed, writing, piece, source)
        finally:
            os.close(writing)
        return fed.outcome()
    except BaseException:
        fed.cancel()
        raise


def _put(fed: Fed[LayerOutcome], pipe: int, piece: bytes, source: Iterator[bytes]) -> None:
    """Hand on ``piece``. If the worker refuses the layer, read ``source`` to its end first: that it
    has another digest would be the better answer.
    """
    if fed.ended:
        return  # it saw the end mark, what follows is padding
    try:
        write_all(pipe, piece)
    except BrokenPipeError:
        try:
            fed.outcome()
        except ArchiveError:
            exhaust(source)
            raise


def _widen(pipe: int) -> None:
    try:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
    except OSError:
        pass  # then it is as wide as pipes are
