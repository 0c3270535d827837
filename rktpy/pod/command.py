"""The command line that made a pod, kept in its directory for ``rktpy generate unit``.

<pod>/command    {"directory": "/root", "words": ["--net=host", "example.com/app"]}

For root alone, as words may be secrets.
"""

from __future__ import annotations

from rktpy.codec import compact, parse
from rktpy.errors import RktError
from rktpy.host.files import read_bytes, write_new
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import PodTree

_LIMIT = 16 << 20


class CommandRecord(Value):
    """What was typed behind ``rktpy``, less the name of the command, and where."""

    words: tuple[str, ...] = ()
    directory: str = "/"  # relative paths begin there


def write_command(tree: PodTree, record: CommandRecord) -> None:
    """Keep ``record`` in a new pod.

    Raises:
        OSError: the disk is full.
    """
    content = compact({"directory": record.directory, "words": list(record.words)})
    write_new(tree.command, content.encode("utf-8", "surrogateescape"), mode=0o600)


def read_command(tree: PodTree) -> CommandRecord | None:
    """Return the record, or None where there is none that can be read.

    Raises:
        PermissionError: it is root's.
    """
    try:
        content = parse(read_bytes(tree.command, limit=_LIMIT), what=tree.command)
        return CommandRecord(tuple(map(str, content["words"])), str(content["directory"]))
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RktError):
        return None
