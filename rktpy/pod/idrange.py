"""The ids of the host that a pod in a user namespace runs as: found, kept, given back.

<data>/locks/private-users/          locked while somebody looks for a range or gives one back
└── <first id>  ─►  <uuid>           a link: this range belongs to that pod
<pod>/private-users-prepared         ``<first id>:<count>``, as rkt wrote it

The record comes first and goes last, so that whatever is interrupted, the deletion of the pod finds
its link. One whose pod was removed by other means is taken over by whoever meets it.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.files import read_bytes, write_atomic
from rktpy.host.lock import lock_dir
from rktpy.pod.phase import ALL_PHASES
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rktpy.layout import Layout, PodTree
    from rktpy.pod.lifecycle import Pod

COUNT = 1 << 16
# What systemd sets aside for containers ("UIDS-GIDS"): above every user and group that
# distributions hand out, below what 32 bit programs take for negative.
LOWEST, HIGHEST = 0x0008_0000, 0x6FFF_0000
_ALL = 1 << 32
_LIMIT = 1 << 22


class IdRangeError(RktError):
    """A pod cannot be given a range of ids, or what it was given is damaged."""


class IdRange(Value):
    """``count`` ids of the host from ``first`` on; inside the pod they begin at 0."""

    first: int
    count: int = COUNT

    def check(self) -> None:
        if self.first < 1 or self.count < 1 or self.first + self.count > 1 << 32:
            raise IdRangeError(f"{self} is not a range of ids")

    def __str__(self) -> str:
        return f"{self.first}:{self.count}"


def take_range(pod: Pod, *, etc: str = "/etc", proc: str = "/proc/self") -> IdRange:
    """Give a pod that we hold locked a range that no other pod of its data directory has, nor
    any user or group of the host, nor /etc/subuid or /etc/subgid; record and return it.

    ``etc`` is where the host's accounts are, ``proc`` where the maps of our own user namespace are:
    what that lacks it cannot give.

    Raises:
        IdRangeError: none is free.
        OSError: the data directory cannot be written.
    """
    layout = pod.layout
    os.makedirs(layout.id_ranges, mode=0o750, exist_ok=True)
    with lock_dir(layout.id_ranges):
        for first in _free_ids((*_taken(etc), *_lacking(f"{proc}/uid_map", f"{proc}/gid_map"))):
            link = f"{layout.id_ranges}/{first}"
            if os.path.lexists(link):
                if _exists(layout, os.readlink(link)):
                    continue
                os.unlink(link)
            found = IdRange(first)
            write_atomic(pod.tree.private_users_marker, f"{found}".encode(), durable=False)
            os.symlink(pod.uuid, link)
            return found
    raise IdRangeError("no range of user ids is free", hint="remove old pods with: rktpy gc")


def give_back(pod: Pod) -> None:
    """Free the range of a pod that is being deleted, if it has one. Repeating it is harmless."""
    try:
        found = read_range(pod.tree)
    except IdRangeError:  # a power cut empties the record; the link says it as well
        _unlink_ranges(pod, _names(pod.layout))
        return
    if found is not None:
        _unlink_ranges(pod, [str(found.first)])


def _unlink_ranges(pod: Pod, names: Iterable[str]) -> None:
    """Remove those of the links that lead to ``pod``."""
    for name in names:
        link = f"{pod.layout.id_ranges}/{name}"
        try:
            with lock_dir(pod.layout.id_ranges):
                if os.readlink(link) == pod.uuid:
                    os.unlink(link)
        except FileNotFoundError:
            continue


def _names(layout: Layout) -> list[str]:
    try:
        return os.listdir(layout.id_ranges)
    except FileNotFoundError:
        return []


def read_range(tree: PodTree) -> IdRange | None:
    """Return the range a pod was prepared with, None if it has no user namespace.

    Raises:
        IdRangeError: the record is damaged.
    """
    try:
        text = read_bytes(tree.private_users_marker, limit=64).decode("ascii")
        first, _, count = text.strip().partition(":")
        return IdRange(int(first), int(count))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise IdRangeError(f"{tree.private_users_marker} is damaged") from error


def _exists(layout: Layout, uuid: str) -> bool:
    """Return whether the pod is there in any phase; a moving one is met at least once."""
    return any(os.path.lexists(f"{layout.phase_dir(phase)}/{uuid}") for phase in ALL_PHASES)


def _free_ids(taken: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Yield the first id of every range without one of ``taken`` (first, count), from a random one
    on: other data directories choose as well.
    """
    slots = bytearray((HIGHEST - LOWEST) // COUNT + 1)
    for first, count in taken:
        low = max((first - LOWEST) // COUNT, 0)
        high = max(min((first + count - 1 - LOWEST) // COUNT + 1, len(slots)), low)
        slots[low:high] = b"x" * (high - low)
    start = int.from_bytes(os.urandom(4), "little") % len(slots)
    for begin, end in ((start, len(slots)), (0, start)):
        while (slot := slots.find(0, begin, end)) >= 0:
            yield LOWEST + slot * COUNT
            begin = slot + 1


def _taken(etc: str) -> Iterator[tuple[int, int]]:
    """Yield ``(first, count)`` of the ids that somebody else has."""
    for name in ("subuid", "subgid"):
        for fields in _lines(f"{etc}/{name}"):  # NAME:FIRST:COUNT
            yield from _numbers(fields[1:3])
    for name in ("passwd", "group"):
        for fields in _lines(f"{etc}/{name}"):  # NAME:PASSWORD:ID:…
            yield from _numbers([*fields[2:3], "1"])


def _lacking(*paths: str) -> Iterator[tuple[int, int]]:
    """Yield ``(first, count)`` of the ids that a map (user_namespaces(7)) leaves out."""
    for path in paths:
        after = 0
        lines = read_bytes(path).decode("ascii").splitlines()
        for first, _, count in sorted(tuple(map(int, line.split())) for line in lines):
            if first > after:
                yield after, first - after
            after = first + count
        yield after, _ALL - after


def _lines(path: str) -> Iterator[list[str]]:
    try:
        text = read_bytes(path, limit=_LIMIT).decode("utf-8", "replace")
    except (OSError, ValueError):
        return
    for line in text.splitlines():
        yield line.split(":")


def _numbers(words: Iterable[str]) -> Iterator[tuple[int, int]]:
    numbers = [int(word) for word in words if word.isascii() and word.isdigit()]
    if len(numbers) == 2:
        yield numbers[0], numbers[1]
