"""The script users call: an interpreter that reads no environment and no site-packages scripts.

``python -m rktpy.cli.launcher DEST`` writes it for the running interpreter and byte-compiles the
package. The script names its import path literally, so it works from any directory, through any
symlink (``rkt``), and starts in half the time of a usual entry point (docs/adr/0002-start-up.md).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_KERNEL_LIMIT = 127  # bytes of "#!…" that every Linux since 2.6 reads

_BODY = """\
import gc, sys
gc.disable()
sys.path[:0] = {paths!r}
from rktpy import bundle
bundle.install({package!r})
from rktpy.cli.main import run
run()
"""

_GENERATOR = """\
import sys
sys.path[:0] = {paths!r}
from rktpy.generator.main import main
sys.exit(main(sys.argv[1:], program={program!r}))
"""


def render(interpreter: str, paths: Sequence[str], *, generator_of: str = "") -> str:
    """Return the script that runs rktpy by ``interpreter`` with ``paths`` in front of its path.

    With ``generator_of``, the path of that script, it is the one that systemd calls for files of
    pods: few modules, so without the bundle.
    """
    first = f"#!{interpreter} -IS"
    if len(os.fsencode(first)) > _KERNEL_LIMIT or any(char.isspace() for char in interpreter):
        # The kernel cannot call it; a shell can, and Python takes the same two lines for a string.
        quoted = "'" + interpreter.replace("'", "'\\''") + "'"
        first = f"#!/bin/sh\n'''exec' {quoted} -IS \"$0\" \"$@\"\n' '''"
    if generator_of:
        return f"{first}\n{_GENERATOR.format(paths=list(paths), program=generator_of)}"
    package = f"{paths[0]}/rktpy"
    return f"{first}\n{_BODY.format(paths=list(paths), package=package)}"


def import_paths() -> list[str]:
    """Return the directories of rktpy and its libraries, as this interpreter sees them."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    own = os.path.dirname(os.__file__)
    standard = {own, f"{own}/lib-dynload", os.path.realpath(own)}
    here = os.getcwd()
    paths = [package]
    for path in sys.path:
        known = path in standard or path in paths or path == here or path.endswith(".zip")
        if path and not known and os.path.isdir(path) and not path.startswith(f"{own}/lib-"):
            paths.append(path)
    return paths


def interpreter() -> str:
    """Return this interpreter without a virtual environment's link: it need not look for one."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return os.path.realpath(base)


def install(dest: str, script: str) -> None:
    """Write ``script`` to ``dest``, executable for all, replacing what is there at once."""
    temporary = f"{dest}.{os.getpid()}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(script)
    os.chmod(temporary, 0o755)  # noqa: S103 - a program for every user
    os.rename(temporary, dest)


def compile_package(package: str, final: str) -> None:
    """Byte-compile the package in ``package``, which users will find below ``final``."""
    import compileall

    from rktpy import bundle

    compileall.compile_dir(package, quiet=2)
    bundle.write(package, f"{final}/rktpy")


def main(argv: Sequence[str]) -> int:
    """``DEST [--python FILE] [--path DIR]… [--no-compile]``; without ``--path`` our own.

    With ``--generator-of PROGRAM`` it writes the generator of an rktpy that is installed there.
    """
    import argparse

    parser = argparse.ArgumentParser(prog="python -m rktpy.cli.launcher")
    parser.add_argument("dest", help="file to write")
    parser.add_argument("--python", default=interpreter(), help="interpreter to start")
    parser.add_argument("--path", action="append", help="directory to import from; repeatable")
    parser.add_argument("--no-compile", action="store_true", help="do not byte-compile rktpy")
    parser.add_argument("--generator-of", default="", help="write systemd's generator instead")
    asked = parser.parse_args(argv)
    paths = asked.path or import_paths()
    install(asked.dest, render(asked.python, paths, generator_of=asked.generator_of))
    if not (asked.no_compile or asked.generator_of):
        compile_package(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), paths[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
