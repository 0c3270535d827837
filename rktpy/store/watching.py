"""Watches the images of a store and tells which came and went, without a process for it.

Every change of the index ends with a new ``images.json`` (``store.index``), so one watch on its
directory does. A writer that was killed before has told nobody: that the old one was removed is a
reason to look a little later, too.
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.errors import RktError
from rktpy.host import inotify
from rktpy.resource import Resource
from rktpy.store.index import Index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.readiness import Readiness
    from rktpy.layout import Layout
    from rktpy.store.rows import Row

_MASK = inotify.CREATE | inotify.MOVED_TO | inotify.DELETE
_A_WRITERS_TIME = 2.0  # seconds


class ImageWatch(Resource):
    """Calls ``came`` and ``went`` with rows of the index; after ``begin``, for changes only."""

    def __init__(
        self,
        layout: Layout,
        readiness: Readiness,
        *,
        came: Callable[[Row], None],
        went: Callable[[Row], None],
    ) -> None:
        self._index = Index(layout)
        self._directory, self._name = os.path.split(layout.index_snapshot)
        self._readiness = readiness
        self._came = came
        self._went = went
        self._inotify = inotify.Inotify()
        self._watch = -1
        self._there = False
        self._rows: dict[str, Row] = {}
        self._awaited = False

    def begin(self) -> None:
        """Watch, and call ``came`` for every image that is there.

        Raises:
            PermissionError: the caller may not read the store.
            WatchLimitError: the kernel gives no more watches.
        """
        self._readiness.when_readable(self._inotify.fd, self._on_notices)
        self._arm()
        self._look()

    def close(self) -> None:
        """Stop watching; twice is fine."""
        if self._inotify.fd >= 0:
            self._readiness.drop(self._inotify.fd)
        self._inotify.close()

    def _arm(self) -> None:
        self._watch, self._there = self._inotify.watch_when_there(self._directory, _MASK)

    def _on_notices(self) -> None:
        look = False
        for notice in self._inotify.read():
            if notice.mask & inotify.IGNORED or not self._there:
                self._arm()
                look = True
            elif notice.mask & inotify.OVERFLOW:
                look = True
            elif notice.watch == self._watch and notice.name == self._name:
                look |= not notice.mask & inotify.DELETE
                self._look_later()
        if look:
            self._look()

    def _look_later(self) -> None:
        if not self._awaited:
            self._awaited = True
            self._readiness.after(_A_WRITERS_TIME, self._on_time)

    def _on_time(self) -> None:
        self._awaited = False
        self._look()

    def _look(self) -> None:
        self._index.forget()
        try:
            found = {str(row.key): row for row in self._index.rows()}
        except (RktError, OSError) as error:
            log.Logger("events").warning("cannot read the image index: %s", error)
            return
        before, self._rows = self._rows, found
        for key, row in before.items():
            if key not in found:
                self._went(row)
        for key, row in found.items():
            if key not in before:
                self._came(row)
