"""The process that unpacks: forked, locked into the target directory, stripped of power.

It sees the target as its root and keeps only the capabilities that extraction needs.
"""

from __future__ import annotations

import os

from rktpy.host import helper
from rktpy.host.archive.limits import ArchiveError
from rktpy.host.archive.reader import StreamEndedError
from rktpy.host.archive.unpack import Order, Outcome, Unpacker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.host.archive.limits import Limits

_CAPABILITIES = (
    helper.CHOWN
    | helper.DAC_OVERRIDE
    | helper.FOWNER
    | helper.FSETID
    | helper.MKNOD
    | helper.SETFCAP
)


class Worker:
    """A running extraction. ``wait`` or ``cancel`` must be called, once."""

    __slots__ = ("_helper",)

    def __init__(self, helper: helper.Helper) -> None:
        self._helper = helper

    def wait(self) -> Outcome:
        """Return what the worker found.

        Raises:
            ArchiveError: what it refused, in its words.
            OSError: the disk is full.
        """
        answer = self._helper.wait()
        return Outcome(
            document=answer.data,
            entries=int(answer.facts["entries"]),
            tree_hash=answer.facts["hash"],
            tree_size=int(answer.facts["size"]),
            warnings=answer.warnings,
        )

    def cancel(self) -> None:
        """End the worker; what it made so far stays for the caller to remove."""
        self._helper.cancel()


def start(order: Order, *, close: Iterable[int] = ()) -> Worker:
    """Start unpacking ``order`` in a process of its own.

    ``close`` are descriptors the worker must not hold, as the writing end of a progress pipe.
    Call it before starting threads. Not root: no chroot, and nothing to give up.
    """

    def work() -> helper.Answer:
        confine_to(order.target, order.limits)
        try:
            outcome = Unpacker(order).run()
        except StreamEndedError:
            os._exit(1)  # nobody listens
        facts = {
            "entries": str(outcome.entries),
            "hash": outcome.tree_hash,
            "size": str(outcome.tree_size),
        }
        return helper.Answer(outcome.warnings, facts, outcome.document)

    # Not our connections, locks and databases: the image may still be arriving.
    held = [fd for layer in order.layers for fd in (layer.fd, layer.progress) if fd >= 0]
    return Worker(helper.Helper(work, close=close, only=held, failure=ArchiveError))


def confine_to(target: str, limits: Limits) -> None:
    """In a helper: see only the directory ``target`` and be able only to fill it.

    Empty: keep no power at all. Not root: no chroot, and nothing to give up.
    """
    if target:
        os.chdir(target)
        if os.geteuid() == 0:
            os.chroot(".")
    helper.confine(_CAPABILITIES if target else 0, file_size=limits.stream)
