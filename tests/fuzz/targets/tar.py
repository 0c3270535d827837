"""The reader of tar streams, from a file and from a pipe, which must agree."""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.archive.limits import Limits
from rktpy.host.archive.reader import GrowingFile, PipedFile, TarReader
from tests.fuzz import mutate_tar
from tests.fuzz.target import Target
from tests.fuzz.tars import in_memory, sample_tars

_SPOOL = 1 << 15  # what a pipe holds for sure


def _run(data: bytes) -> None:
    fd = in_memory(data)
    try:
        first = _told(TarReader(GrowingFile(fd), Limits()))
    finally:
        os.close(fd)
    if len(data) < _SPOOL:
        reading, writing = os.pipe()
        try:
            os.write(writing, data)
            os.close(writing)
            assert _told(TarReader(PipedFile(reading), Limits())) == first
        finally:
            os.close(reading)


def _told(reader: TarReader) -> list[object]:
    found: list[object] = []
    try:
        for member in reader.members():
            content = b"".join(map(bytes, reader.data(member)))
            assert len(content) == member.size
            found.append((member.name, member.kind, member.link, content, member.xattrs))
    except RktError as error:
        found.append(error.message)
    return found


TARGET = Target(_run, sample_tars, mutate_tar.change, mutate_tar.stretch)
