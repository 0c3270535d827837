"""A worker as its feeder sees it: it may end first, at an error or at the end mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from rktpy.host.archive.limits import ArchiveError

T = TypeVar("T")

if TYPE_CHECKING:
    from typing import Protocol

    Found = TypeVar("Found", covariant=True)

    class Running(Protocol[Found]):
        """A worker that was started: either of its two methods is called, once."""

        def wait(self) -> Found: ...

        def cancel(self) -> None: ...


class Fed(Generic[T]):
    """Sees to it that the worker is waited for, or ended, once."""

    __slots__ = ("_outcome", "_worker")

    def __init__(self, worker: Running[T]) -> None:
        self._worker: Running[T] | None = worker
        self._outcome: T | None = None

    @property
    def ended(self) -> bool:
        """Whether it was waited for or ended: it takes nothing more."""
        return self._worker is None

    def outcome(self) -> T:
        """Wait for the worker, if nobody has, and return what it found.

        Raises:
            ArchiveError: what it refused, in its words; or it was ended before.
            OSError: the disk is full.
        """
        worker, self._worker = self._worker, None
        if worker is not None:
            self._outcome = worker.wait()
        if self._outcome is None:
            raise ArchiveError("the unpacking process ended early")
        return self._outcome

    def cancel(self) -> None:
        """End the worker if it still runs."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.cancel()
