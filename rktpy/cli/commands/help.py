"""``rktpy help [command]``."""

from __future__ import annotations

import os

from rktpy import log
from rktpy.cli import main, walk
from rktpy.cli.table import ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def help_(call: Call) -> int:
    """Print the usage text of the command named by the arguments; always succeeds."""
    command = ROOT
    if call.args:
        try:
            command, _ = walk.find(call.args, os.environ)
        except walk.UnknownCommandError:
            log.write_line(f"Unknown help topic {_list(call.args)}.")
    call.out(main.help_text(command, call.program))
    return 0


def _list(words: list[str]) -> str:
    return "[" + " ".join(f"`{word}`" for word in words) + "]"
