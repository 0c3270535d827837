"""The ``with`` half of whatever is held and must be let go: locks, processes, pods, rooms."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Resource:
    """Base of what has a ``close``; leaving its ``with`` block calls that, whatever happened."""

    __slots__ = ()

    def close(self) -> None:
        """Let go; twice is fine."""
        raise AssertionError(f"{type(self).__name__} cannot be closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
