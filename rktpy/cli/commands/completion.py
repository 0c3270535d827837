"""``rktpy completion SHELL``."""

from __future__ import annotations

from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


class CompletionError(RktError):
    """There is no script for what was asked."""


def completion(call: Call) -> int:
    """Print the script that makes a shell complete our command lines."""
    if not call.args:
        raise CompletionError("shell type is not specified", hint="bash, zsh or fish")
    if len(call.args) > 1:
        raise CompletionError("too many arguments, only shell type is expected")

    from rktpy.cli import shells  # click

    shell = call.args[0]
    if shell not in shells.SHELLS:
        raise CompletionError(f"'{shell}' shell is not supported", hint="bash, zsh or fish")
    call.out(shells.script(shell, call.program))
    return 0
