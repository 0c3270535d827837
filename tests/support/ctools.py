"""Compiles the small C programs of the tests, once per content of their sources."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import cache

if TYPE_CHECKING:
    from collections.abc import Sequence

FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s")


def build_static(name: str, sources: Sequence[Path]) -> Path:
    """Compile ``sources`` (``.c``; ``.h`` count for the cache only) and link them statically.

    Return the program's path; it stays until this process ends. Nobody may write to it.

    Raises:
        subprocess.CalledProcessError: the compiler refused; its words went to stderr.
    """
    compiler = os.environ.get("CC", "/usr/bin/gcc")
    units = [str(source) for source in sorted(sources) if source.suffix == ".c"]

    def build(directory: str) -> None:
        command = [compiler, *FLAGS, "-o", f"{directory}/{name}", *units]
        subprocess.run(command, check=True)

    contents = [[source.name, source.read_text()] for source in sorted(sources)]
    return Path(cache.built(name, cache.key_of([compiler, FLAGS, contents]), build), name)
