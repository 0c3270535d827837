"""Where an app's exit status is, below the directory that stands for stage1's root.

rkt/status/<app>   written when the app has ended (rkt-stage1: reaper)
rkt/room/<app>     a blank line, written when the pod is laid. On a disk that filled up meanwhile a
                   status gets no block of its own, or not even a name, and goes into this one
"""

from __future__ import annotations

import os

from rktpy.pod.texts import read_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DIRECTORY = "rkt/status"
ROOM = "rkt/room"
BLANK = b"\n"  # takes a block, and a status written over it is a line of its own


def status_file(base: str, app: str) -> str:
    """Return the file that has the status of ``app``, or will have it when the app has ended."""
    path = f"{base}/{DIRECTORY}/{app}"
    try:
        if os.lstat(path).st_size:
            return path
    except (OSError, ValueError):
        pass  # not yet, or it got no name
    room = f"{base}/{ROOM}/{app}"
    return path if read_number(room) is None else room


def apps_with_files(base: str) -> Iterable[str]:
    """Return the names of which there may be a status, and of files that are none."""
    return {*_names(f"{base}/{DIRECTORY}"), *_names(f"{base}/{ROOM}")}


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []
