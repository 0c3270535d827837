"""All of rktpy's bytecode in one file, for fast starts.

Importing a module costs Python about six system calls and a good deal of path arithmetic; a warm
``run`` imports more than a hundred of ours. Of the bundle only the index is read at once. A module
taken from it costs a stat, which compares the source's size and time with those it was compiled
from, and a read: whatever has changed since, or is missing here, is imported the ordinary way
(docs/adr/0002-start-up.md, 0039).

    index's length, 8 bytes, little endian │ index, marshalled │ for each module: mark, code
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any

    # source below the package, its size, its time in s, is a package; where its mark and marshalled
    # code begin in the file, how long the two are
    Entry = tuple[str, int, int, bool, int, int]
else:
    # Already loaded by the interpreter; importlib.machinery would cost 5 ms.
    ModuleSpec = sys.modules["_frozen_importlib"].ModuleSpec

_PACKAGE = __package__ or ""  # __name__ is another one under python -m
_STREAMS = 2  # the last descriptor of a standard stream
_LENGTH = 8  # bytes of the index's length
_MARK = 8  # bytes before each module's code, the same ones in all of a bundle
_LONGEST = 1 << 24  # bytes of an index that is not damaged


def bundle_path(package_dir: str) -> str:
    """Return where the bundle of the package in ``package_dir`` lies for this interpreter."""
    return f"{package_dir}/__pycache__/bundle.{sys.implementation.cache_tag}.bin"


def write(package_dir: str, final_dir: str) -> None:
    """Write the bundle of the package in ``package_dir``, which users will find at ``final_dir``.

    Raises:
        OSError: a source cannot be read, or the bundle not be written.
    """
    found = [
        (name, path, is_package, *_compiled(package_dir, final_dir, path))
        for name, path, is_package in _sources(package_dir)
    ]
    mark = _mark(code for *_, code in found)
    index: dict[str, Entry] = {}
    place = 0
    for name, path, is_package, size, modified, code in found:
        index[name] = (path, size, modified, is_package, place, _MARK + len(code))
        place += _MARK + len(code)
    head = marshal.dumps((mark, index))
    target = bundle_path(package_dir)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = f"{target}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        file.write(len(head).to_bytes(_LENGTH, "little") + head)
        for *_, code in found:
            file.write(mark + code)
    os.rename(temporary, target)


def install(package_dir: str) -> None:
    """Serve imports of rktpy from its bundle, if there is a sound one.

    It stays open, for as long as nobody closes it: what is imported later is of the same bundle,
    also when another version has been installed meanwhile.
    """
    try:
        fd = _above_streams(os.open(bundle_path(package_dir), os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return
    try:
        length = int.from_bytes(os.read(fd, _LENGTH), "little")
        mark, index = marshal.loads(os.read(fd, min(length, _LONGEST)))  # noqa: S302 - as trusted as the .pyc beside it
        finder = _Finder(package_dir, fd, _LENGTH + length, mark, index)
    except (OSError, ValueError, EOFError, TypeError):
        os.close(fd)
        return
    sys.meta_path.insert(0, finder)


def _above_streams(fd: int) -> int:
    """Return ``fd``, by another number if it has one of a standard stream that was closed: an app
    would be handed it.

    Raises:
        OSError: there is no other.
    """
    if fd > _STREAMS:
        return fd
    from fcntl import F_DUPFD_CLOEXEC, fcntl  # who starts us without a stream is rare

    try:
        return fcntl(fd, F_DUPFD_CLOEXEC, _STREAMS + 1)
    finally:
        os.close(fd)


class _Finder:
    """Finds modules in the bundle and loads them; both halves of the import protocol."""

    __slots__ = ("_fd", "_index", "_mark", "_package_dir", "_path", "_start")

    def __init__(
        self, package_dir: str, fd: int, start: int, mark: bytes, index: Mapping[str, Entry]
    ) -> None:
        self._package_dir = package_dir
        self._path = bundle_path(package_dir)
        self._fd = fd
        self._start = start
        self._mark = mark
        self._index = dict(index)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of ``name`` unless its source differs from what was compiled."""
        entry = self._index.get(name)
        if entry is None:
            return None
        path_below, size, modified, is_package, place, length = entry
        source = f"{self._package_dir}/{path_below}"
        try:
            status = os.stat(source)
            if status.st_size != size or int(status.st_mtime) != modified:
                return None
            code = os.pread(self._fd, length, self._start + place)
        except OSError:
            return None
        # Children close what they have open, and the number may be another file's by then.
        if len(code) != length or code[:_MARK] != self._mark:
            return None
        spec = ModuleSpec(
            name,
            self,  # type: ignore[arg-type]
            origin=source,
            is_package=is_package,
            loader_state=code,
        )
        spec.has_location = True
        # Else importlib works out where a .pyc would be, which takes as long as all of the above.
        spec.cached = self._path
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(source)]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to the interpreter."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        spec: Any = module.__spec__
        marked, spec.loader_state = spec.loader_state, None
        code: CodeType = marshal.loads(memoryview(marked)[_MARK:])  # noqa: S302 - ours
        exec(code, module.__dict__)  # noqa: S102 - this is how modules are loaded


def _compiled(package_dir: str, final_dir: str, path: str) -> tuple[int, int, bytes]:
    """Return size and time of the source at ``path`` below the package, and its code."""
    status = os.stat(f"{package_dir}/{path}")
    with open(f"{package_dir}/{path}", "rb") as source:
        # Without docstrings: nothing on a hot path reads them, and they are half the size.
        code = compile(source.read(), f"{final_dir}/{path}", "exec", dont_inherit=True, optimize=2)
    # Whole seconds: archives and file system images keep no more.
    return status.st_size, int(status.st_mtime), marshal.dumps(code)


def _mark(codes: Iterable[bytes]) -> bytes:
    """Return bytes that no other bundle has, the same ones for the same code."""
    from hashlib import sha256  # only who writes

    digest = sha256()
    for code in codes:
        digest.update(code)
    return digest.digest()[:_MARK]


def _sources(package_dir: str) -> Iterator[tuple[str, str, bool]]:
    """Yield name, path below ``package_dir`` and packagehood of every module."""
    for directory, below, files in os.walk(package_dir):
        below[:] = sorted(name for name in below if not name.startswith(("_", ".")))
        place = directory[len(package_dir) + 1 :]
        prefix = ".".join([_PACKAGE, *place.split("/")]) if place else _PACKAGE
        if "__init__.py" not in files:
            continue
        for file in sorted(files):
            path = f"{place}/{file}" if place else file
            if file == "__init__.py":
                yield prefix, path, True
            elif file.endswith(".py"):
                yield f"{prefix}.{file[:-3]}", path, False


if __name__ == "__main__":
    write(os.path.abspath(sys.argv[1]), sys.argv[2])
