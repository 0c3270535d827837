"""``rktpy generate --dry-run``: what the boot generator would make of files, without systemd."""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.generator import disk
from rktpy.generator.file.names import SUFFIX
from rktpy.generator.pods import Generated, generate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.generator.file.ini import Problem


class NoPodFileError(RktError):
    """The path leads to no file of a pod."""


def dry_run(paths: Sequence[str], *, program: str) -> Generated:
    """Return what ``paths`` become, or all files of this host if there are none.

    The directories of ``paths`` count before the host's, so that files see what they depend on.
    ``program`` is the absolute path of rktpy.

    Raises:
        NoPodFileError: a path is no ``.pod`` file.
    """
    for path in paths:
        if not path.endswith(SUFFIX):
            raise NoPodFileError(f"{quote(path)} is no {SUFFIX} file")
        if not os.path.lexists(path):
            raise NoPodFileError(f"there is no file {quote(path)}")
    places = [os.path.dirname(os.path.abspath(path)) for path in paths]
    chosen = {os.path.basename(path) for path in paths}
    problems: list[Problem] = [] if paths else disk.strangers(disk.SOURCES)
    files = disk.collect(tuple(dict.fromkeys((*places, *disk.SOURCES))), problems)
    found = generate(
        files, program=program, taken=disk.units_of_host(disk.UNITS), only=chosen or None
    )
    return found.replace(problems=(*problems, *found.problems))
