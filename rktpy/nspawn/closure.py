"""Which files of the host a set of its programs needs to run in an otherwise empty root.

Asks the program's own dynamic loader (``ld.so --list``), so it holds for any libc, and reads the
``.note.dlopen`` notes that newer systemd leaves about libraries it opens at run time.
"""

from __future__ import annotations

import os
import struct

from rktpy.errors import RktError
from rktpy.host import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PT_INTERP = 3
_PT_NOTE = 4
_DLOPEN_NOTE = 0x407C0C0A  # https://systemd.io/ELF_DLOPEN_METADATA
_MAX_NOTES = 1 << 20


class ClosureError(RktError):
    """A program of the host cannot be read as an ELF file."""


def closure(programs: Iterable[str]) -> dict[str, str]:
    """Return ``{path in the new root: file on the host}`` for ``programs`` and all they load.

    Directories are canonical (``/usr/lib/…`` on a merged-usr host), so the result fits a root
    whose ``/lib`` and ``/bin`` are links. Sources are real files, never links.
    """
    found: dict[str, str] = {}
    pending = list(programs)
    while pending:
        program = pending.pop()
        place = _canonical(program)
        if place in found:
            continue
        found[place] = os.path.realpath(program)
        interpreter, wanted = _read_elf(program)
        if interpreter is None:
            continue  # static, or a library whose needs its user has listed
        found[_canonical(interpreter)] = os.path.realpath(interpreter)
        libraries = list(_loaded(interpreter, program))
        for library in libraries:
            found[_canonical(library)] = os.path.realpath(library)
            wanted += _read_elf(library)[1]
        for library in _beside(wanted, libraries):
            found[_canonical(library)] = os.path.realpath(library)
            for further in _loaded(interpreter, library):
                found[_canonical(further)] = os.path.realpath(further)
    return found


def _canonical(path: str) -> str:
    return f"{os.path.realpath(os.path.dirname(path))}/{os.path.basename(path)}"


def _loaded(interpreter: str, program: str) -> Iterator[str]:
    """Yield the absolute paths the loader would map for ``program``."""
    for line in process.run([interpreter, "--list", program]).decode().splitlines():
        words = line.split()
        if "=>" in words and words[words.index("=>") + 1 : words.index("=>") + 2] != ["not"]:
            yield words[words.index("=>") + 1]
        elif words and words[0].startswith("/"):
            yield words[0]


def _beside(wanted: list[tuple[str, ...]], libraries: list[str]) -> Iterator[str]:
    """Yield what is ``wanted`` and lies in a directory some loaded library came from.

    Of the sonames of one wish the first that is there, as at run time.
    """
    directories = sorted({os.path.dirname(library) for library in libraries})
    for sonames in dict.fromkeys(wanted):
        places = [f"{directory}/{soname}" for soname in sonames for directory in directories]
        yield from [place for place in places if os.path.exists(place)][:1]


def _read_elf(path: str) -> tuple[str | None, list[tuple[str, ...]]]:
    """Return the interpreter of ``path`` and what its dlopen notes ask for."""
    with open(path, "rb") as file:
        header = file.read(64)
        if header[:4] != b"\x7fELF":
            raise ClosureError(f"{path} is not an ELF program")
        wide = header[4] == 2
        order = "<" if header[5] == 1 else ">"
        start, size, count = _program_headers(header, order, wide=wide)
        interpreter = None
        wanted: list[tuple[str, ...]] = []
        for number in range(count):
            file.seek(start + number * size)
            kind, offset, length = _segment(file.read(size), order, wide=wide)
            if kind == _PT_INTERP:
                file.seek(offset)
                interpreter = os.fsdecode(file.read(length).rstrip(b"\0"))
            elif kind == _PT_NOTE:
                file.seek(offset)
                wanted += dlopen_wishes(file.read(min(length, _MAX_NOTES)), order)
        return interpreter, wanted


def _program_headers(header: bytes, order: str, *, wide: bool) -> tuple[int, int, int]:
    if wide:
        (start,) = struct.unpack_from(f"{order}Q", header, 32)
        size, count = struct.unpack_from(f"{order}HH", header, 54)
    else:
        (start,) = struct.unpack_from(f"{order}I", header, 28)
        size, count = struct.unpack_from(f"{order}HH", header, 42)
    return start, size, count


def _segment(entry: bytes, order: str, *, wide: bool) -> tuple[int, int, int]:
    """Return type, file offset and file size of one program header."""
    if wide:
        kind, _flags, offset, _vaddr, _paddr, length = struct.unpack_from(f"{order}IIQQQQ", entry)
    else:
        kind, offset, _vaddr, _paddr, length = struct.unpack_from(f"{order}IIIII", entry)
    return kind, offset, length


def dlopen_wishes(notes: bytes, order: str) -> list[tuple[str, ...]]:
    """Return the sonames, best first, of every dlopen note that is not merely suggested.

    ``notes`` is the content of a segment of notes, ``order`` that of bytes as in ``struct``.
    systemd has them from 256 on.
    """
    import json

    wishes = []
    at = 0
    while at + 12 <= len(notes):
        name_size, size, kind = struct.unpack_from(f"{order}III", notes, at)
        begin = at + 12 + (name_size + 3 & ~3)
        if kind == _DLOPEN_NOTE:
            entries = json.loads(notes[begin : begin + size].rstrip(b"\0"))
            needed = [one for one in entries if one.get("priority") != "suggested"]
            wishes += [tuple(one.get("soname", ())) for one in needed]
        at = begin + (size + 3 & ~3)
    return wishes
