"""Which shared libraries an ELF file needs, read from its headers: nothing is executed, unlike ldd.

Knows what this machine's own binaries use: 64-bit little-endian ELF, DT_NEEDED, DT_RUNPATH and
DT_RPATH with ``$ORIGIN``, ``/etc/ld.so.conf`` and the built-in directories (ld.so(8)).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 1, 5, 15, 29


@dataclass(frozen=True)
class Elf:
    """What the dynamic linker reads of one file."""

    interpreter: str | None
    needed: tuple[str, ...]
    search: tuple[str, ...]


def read_elf(path: Path) -> Elf | None:
    """Return what ``path`` needs, or None if it is not a 64-bit little-endian ELF file."""
    raw = path.read_bytes()
    if raw[:6] != b"\x7fELF\x02\x01":
        return None
    offset, size, count = struct.unpack_from("<Q14xHH", raw, 32)
    headers = [struct.unpack_from("<IIQQQQ", raw, offset + i * size) for i in range(count)]
    interpreter = None
    dynamic = b""
    for kind, _flags, start, _vaddr, _paddr, length in headers:
        if kind == _PT_INTERP:
            interpreter = raw[start : start + length].rstrip(b"\0").decode()
        elif kind == _PT_DYNAMIC:
            dynamic = raw[start : start + length]
    tags = list(struct.iter_unpack("<QQ", dynamic))
    address = dict(tags).get(_DT_STRTAB, 0)
    table = next(
        (
            address - h[3] + h[2]
            for h in headers
            if h[0] == _PT_LOAD and h[3] <= address < h[3] + h[5]
        ),
        0,
    )

    def text(at: int) -> str:
        return raw[table + at : raw.index(b"\0", table + at)].decode()

    needed = tuple(text(value) for tag, value in tags if tag == _DT_NEEDED)
    paths = [text(value) for tag, value in tags if tag in (_DT_RPATH, _DT_RUNPATH)]
    origin = str(path.resolve().parent)
    search = tuple(
        part.replace("$ORIGIN", origin).replace("${ORIGIN}", origin)
        for value in paths
        for part in value.split(":")
        if part
    )
    return Elf(interpreter, needed, search)


def library_closure(binaries: list[Path]) -> list[Path]:
    """Return the interpreters and libraries that ``binaries`` need, also indirectly; no binaries.

    Paths are those the dynamic linker would open, links not resolved.

    Raises:
        FileNotFoundError: a library is not installed.
    """
    found: dict[str, Path] = {}
    inherited = _system_directories()
    todo = list(binaries)
    while todo:
        path = todo.pop()
        elf = read_elf(path)
        if elf is None:
            continue
        if elf.interpreter:
            found.setdefault(os.path.basename(elf.interpreter), Path(elf.interpreter))
        for name in elf.needed:
            if name not in found:
                found[name] = _locate(name, [*elf.search, *inherited], path)
                todo.append(found[name])
    return sorted(found.values())


def _locate(name: str, directories: list[str], wanted_by: Path) -> Path:
    for directory in directories:
        path = Path(directory, name)
        if path.exists():
            return path
    raise FileNotFoundError(f"{wanted_by} needs {name}, which is not installed")


def _system_directories() -> list[str]:
    machine = os.uname().machine
    built_in = [
        f"/lib/{machine}-linux-gnu",
        f"/usr/lib/{machine}-linux-gnu",
        "/lib64",
        "/usr/lib64",
    ]
    configured: list[str] = []
    for path in sorted(Path("/etc/ld.so.conf.d").glob("*.conf")):
        lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
        configured += [line for line in lines if line.startswith("/")]
    return [*configured, *built_in, "/lib", "/usr/lib"]
