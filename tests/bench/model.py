"""What a row of the bench is: who takes part, what each runs, and what would be good enough."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Command = tuple[str, ...]
SIDES = ("rktpy", "podman", "umoci", "floor")


class UnavailableError(Exception):
    """A side cannot take part in a row; the text says why and goes into the table."""


@dataclass(frozen=True)
class Sample:
    """The cost of running a side once: milliseconds and MiB."""

    wall: float
    cpu: float
    memory: float


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Side:
    """One contestant of a row, ready to run.

    ``commands`` run one after another and are timed together. ``before`` and ``after`` run around
    each sample, untimed; ``close`` once, when the row is done. With ``together`` the memory that
    counts is that of all its processes, looked at in the warm-up round; else of the largest.
    """

    commands: Sequence[Command]
    before: Callable[[], None] = _nothing
    after: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing
    statuses: Sequence[int] = (0,)
    together: bool = False


@dataclass(frozen=True)
class Budget:
    """What rktpy must reach; parts that are None do not count (design.md section 5)."""

    wall: float | None = None
    memory: float | None = None
    below_peer: bool = False
    times_floor: float | None = None

    def __str__(self) -> str:
        parts = [
            f"<= {self.wall:g} ms" if self.wall else "",
            f"<= {self.memory:g} MB" if self.memory else "",
            "< podman" if self.below_peer else "",
            f"<= {self.times_floor:g} x floor" if self.times_floor else "",
        ]
        return ", ".join(part for part in parts if part) or "-"


@dataclass(frozen=True)
class Row:
    """One line of the table. ``sides`` maps side names to functions that set the side up; they
    raise ``UnavailableError`` where it cannot take part. A row that is not ``routine`` is measured
    only if it is named.
    """

    key: str
    title: str
    budget: Budget
    sides: Mapping[str, Callable[[], Side]]
    rounds: int = 15
    routine: bool = True


@dataclass
class Result:
    """What was measured for one row."""

    row: Row
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    together: dict[str, float] = field(default_factory=dict)

    def median(self, side: str) -> float | None:
        """Return the median wall time of a side in milliseconds."""
        samples = self.samples.get(side)
        return statistics.median(sample.wall for sample in samples) if samples else None

    def memory(self, side: str) -> float | None:
        """Return the peak memory of a side in MiB: of all its processes together if that was
        measured, or the median of its largest one.
        """
        if side in self.together:
            return self.together[side]
        samples = self.samples.get(side)
        return statistics.median(sample.memory for sample in samples) if samples else None

    def ratio(self, side: str) -> float | None:
        """Return how many times the median of ``side`` rktpy takes."""
        own, other = self.median("rktpy"), self.median(side)
        return own / other if own is not None and other else None

    def misses(self) -> list[str]:
        """Return what of the budget was missed; empty if all was met or nothing was measured."""
        own, budget = self.median("rktpy"), self.row.budget
        if own is None:
            return []
        memory, peer, floor = self.memory("rktpy"), self.median("podman"), self.ratio("floor")
        checks = [
            ("time", budget.wall is not None and own > budget.wall),
            ("memory", budget.memory is not None and memory is not None and memory > budget.memory),
            ("peer", budget.below_peer and peer is not None and own >= peer),
            ("floor", budget.times_floor is not None and (floor or 0) > budget.times_floor),
        ]
        return [name for name, missed in checks if missed]

    def verdict(self) -> str:
        """Return ``ok``, ``miss (why)`` or ``-`` where rktpy has no figure."""
        if "rktpy" not in self.samples:
            return "-"
        misses = self.misses()
        return f"miss ({', '.join(misses)})" if misses else "ok"
