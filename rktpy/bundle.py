"""All of rktpy's bytecode in one file, for fast starts.

Importing a module costs Python about six system calls and a good deal of path arithmetic; a warm
``run`` imports a hundred of ours. The bundle is read once, and a module taken from it costs one
stat, which compares the source's size and time with those it was compiled from: whatever has
changed since, or is missing here, is imported the ordinary way (docs/adr/0002-start-up.md).
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

    # name -> source below the package, its size, its time in s, is a package, marshalled code
    Entry = tuple[str, int, int, bool, bytes]
else:
    # Already loaded by the interpreter; importlib.machinery would cost 5 ms.
    ModuleSpec = sys.modules["_frozen_importlib"].ModuleSpec

_PACKAGE = __package__ or ""  # __name__ is another one under python -m


def bundle_path(package_dir: str) -> str:
    """Return where the bundle of the package in ``package_dir`` lies for this interpreter."""
    return f"{package_dir}/__pycache__/bundle.{sys.implementation.cache_tag}.bin"


def write(package_dir: str, final_dir: str) -> None:
    """Write the bundle of the package in ``package_dir``, which users will find at ``final_dir``.

    Raises:
        OSError: a source cannot be read, or the bundle not be written.
    """
    entries: dict[str, Entry] = {}
    for name, path, is_package in _sources(package_dir):
        status = os.stat(f"{package_dir}/{path}")
        with open(f"{package_dir}/{path}", "rb") as source:
            # Without docstrings: nothing on a hot path reads them, and they are half the size.
            code = compile(
                source.read(), f"{final_dir}/{path}", "exec", dont_inherit=True, optimize=2
            )
        # Whole seconds: archives and file system images keep no more.
        entries[name] = (
            path,
            status.st_size,
            int(status.st_mtime),
            is_package,
            marshal.dumps(code),
        )
    target = bundle_path(package_dir)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = f"{target}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        file.write(marshal.dumps(entries))
    os.rename(temporary, target)


def install(package_dir: str) -> None:
    """Serve imports of rktpy from its bundle, if there is a sound one."""
    try:
        with open(bundle_path(package_dir), "rb") as file:
            entries = marshal.loads(file.read())  # noqa: S302 - as trusted as the .pyc beside it
    except (OSError, ValueError, EOFError, TypeError):
        return
    if isinstance(entries, dict):
        sys.meta_path.insert(0, _Finder(package_dir, entries))


class _Finder:
    """Finds modules in the bundle and loads them; both halves of the import protocol."""

    __slots__ = ("_entries", "_package_dir")

    def __init__(self, package_dir: str, entries: Mapping[str, Entry]) -> None:
        self._package_dir = package_dir
        self._entries = entries

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of ``name`` unless its source differs from what was compiled."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        path_below, size, modified, is_package, _ = entry
        source = f"{self._package_dir}/{path_below}"
        try:
            status = os.stat(source)
        except OSError:
            return None
        if status.st_size != size or int(status.st_mtime) != modified:
            return None
        spec = ModuleSpec(name, self, origin=source, is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(source)]
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to the interpreter."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        code: CodeType = marshal.loads(self._entries[module.__name__][4])  # noqa: S302 - ours
        exec(code, module.__dict__)  # noqa: S102 - this is how modules are loaded


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
