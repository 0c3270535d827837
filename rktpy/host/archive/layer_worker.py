"""The process that unpacks one layer, fed through a pipe: forked, locked in, stripped of power.

Marking a directory opaque needs CAP_SYS_ADMIN, which is far too much for a process that reads what
strangers wrote; so the parent does this when the worker is through.
"""

from __future__ import annotations

import os

from rktpy import codec
from rktpy.host import helper
from rktpy.host.archive.digest import OPAQUE, OPAQUE_VALUE
from rktpy.host.archive.ends import LayerOutcome, LooseEnds
from rktpy.host.archive.layer import LayerUnpacker
from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.host.archive.reader import PipedFile, TarReader
from rktpy.host.archive.worker import confine_to

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_DOWN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class LayerWorker:
    """A running extraction. ``wait`` or ``cancel`` must be called, once."""

    __slots__ = ("_helper", "_target")

    def __init__(self, helper: helper.Helper, target: str) -> None:
        self._helper = helper
        self._target = target

    def wait(self) -> LayerOutcome:
        """Return what became of the layer, whose tree is complete now.

        Raises:
            ArchiveError: what the worker refused, in its words.
            OSError: the disk is full.
        """
        answer = self._helper.wait()
        found = codec.parse(answer.data, what="a helper's answer")
        _mark_opaque(self._target, [path.encode("latin-1") for path in found["opaque"]])
        return LayerOutcome(
            entries=int(answer.facts["entries"]),
            tree_hash=answer.facts["hash"],
            tree_size=int(answer.facts["size"]),
            warnings=answer.warnings,
            ends=LooseEnds.from_json(found["ends"]),
        )

    def cancel(self) -> None:
        """End the worker; what it made so far stays for the caller to remove."""
        self._helper.cancel()


def start_layer(
    target: str, source: int, limits: Limits, *, close: Iterable[int] = ()
) -> LayerWorker:
    """Start unpacking the layer that comes out of the pipe ``source`` into the empty ``target``.

    ``close`` are descriptors the worker must not hold, as the other end of its pipe. Call it
    before starting threads. It may end before it has read everything.
    """

    def work() -> helper.Answer:
        confine_to(target, limits)
        unpacker = LayerUnpacker(limits, owners=os.geteuid() == 0)
        outcome = unpacker.run(TarReader(PipedFile(source), limits))
        facts = {
            "entries": str(outcome.entries),
            "hash": outcome.tree_hash,
            "size": str(outcome.tree_size),
        }
        found = {
            "ends": outcome.ends.to_json(),
            "opaque": [path.decode("latin-1") for path in unpacker.opaque],
        }
        return helper.Answer(outcome.warnings, facts, codec.compact(found).encode())

    return LayerWorker(helper.Helper(work, close=close, failure=ArchiveError), target)


def _mark_opaque(target: str, paths: list[bytes]) -> None:
    """Mark directories below ``target``; no link is followed on the way, though there is none."""
    for path in paths:
        here = os.open(target, _DOWN)
        try:
            for part in filter(None, path.split(b"/")):
                below = os.open(part, _DOWN, dir_fd=here)
                os.close(here)
                here = below
            os.setxattr(here, OPAQUE, OPAQUE_VALUE)
        finally:
            os.close(here)
