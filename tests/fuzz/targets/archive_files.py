"""Files in the archives of docker and of OCI layouts: names, links from one to the other."""

from __future__ import annotations

import os
import tempfile
from collections import deque

from rktpy.errors import RktError
from rktpy.image.layered.files import Archive
from tests.fuzz import mutate_tar
from tests.fuzz.target import Target
from tests.fuzz.tars import in_memory, sample_members, sample_tars
from tests.support.archive import tar_bytes


def _run(data: bytes) -> None:
    fd = in_memory(data)
    try:
        with Archive(f"/proc/self/fd/{fd}", tempfile.gettempdir()) as archive:
            for name in ("manifest", "./d/f", "d/h", "s", "../x", "x", "caf\udce9", "\0"):
                try:
                    deque(archive.pieces(name), maxlen=0)
                except RktError:
                    continue
    finally:
        os.close(fd)


TARGET = Target(
    _run,
    lambda: [*sample_tars(), tar_bytes(sample_members())],
    mutate_tar.change,
    mutate_tar.stretch,
)
