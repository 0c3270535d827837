"""The command line that made a pod, kept in its directory for ``rktpy generate unit``.

<pod>/command    {"directory": "/root", "words": ["--net=host", "example.com/app"]}

A prepared pod has the words of ``prepare``, and from its start on ``start``, an object of the same
form with those of ``run-prepared``. For root alone, as words may be secrets.
"""

from __future__ import annotations

import os

from rktpy.codec import compact, parse
from rktpy.errors import RktError
from rktpy.host.files import read_bytes, rewrite, write_new
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rktpy.layout import PodTree

_LIMIT = 16 << 20
_MODE = 0o600


class CommandRecord(Value):
    """What was typed behind ``rktpy``, less the name of the command, and where.

    ``start`` is the same of ``run-prepared``, None for a pod that one command made and started.
    """

    words: tuple[str, ...] = ()
    directory: str = "/"  # relative paths begin there
    start: CommandRecord | None = None


def as_typed(words: tuple[str, ...]) -> CommandRecord:
    """Return the record of ``words`` that were typed where this process is."""
    try:
        return CommandRecord(words, os.getcwd())
    except OSError:
        return CommandRecord(words)  # the directory was removed under us


def write_command(tree: PodTree, record: CommandRecord) -> None:
    """Keep ``record`` in a new pod.

    Raises:
        OSError: the disk is full.
    """
    write_new(tree.command, _content(record), mode=_MODE)


def add_start(tree: PodTree, start: CommandRecord) -> None:
    """Add to the record of a prepared pod how it is started; an older one's has none to add to.

    Raises:
        OSError: the disk is full.
    """
    record = read_command(tree)
    if record is not None:
        content = _content(record.replace(start=start))
        rewrite(tree.command, content, mode=_MODE)


def read_command(tree: PodTree) -> CommandRecord | None:
    """Return the record, or None where there is none that can be read.

    Raises:
        PermissionError: it is root's.
    """
    try:
        content = parse(read_bytes(tree.command, limit=_LIMIT), what=tree.command)
        start = _record(content["start"]) if "start" in content else None
        return _record(content).replace(start=start)
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RktError):
        return None


def _content(record: CommandRecord) -> bytes:
    found = _object(record)
    if record.start is not None:
        found["start"] = _object(record.start)
    return compact(found).encode("utf-8", "surrogateescape")


def _object(record: CommandRecord) -> dict[str, Any]:
    return {"directory": record.directory, "words": list(record.words)}


def _record(content: Mapping[str, Any]) -> CommandRecord:
    return CommandRecord(tuple(map(str, content["words"])), str(content["directory"]))
