"""The one shape of failures a user can act on.

RktError                 message, hint, exit status 254
├── UsageError           the command line itself is wrong; the usage text follows
└── …                    every other subclass stands beside the code that raises it

Anything that is not an ``RktError`` is a bug and keeps its traceback.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar


class RktError(Exception):
    """A failure the user can act on; the command line prints it without a traceback.

    ``message`` says what failed, with the name the user typed; ``hint`` is the next command
    to try. Raise ``from`` the cause: the text shown ends in the innermost cause, and
    ``--debug`` shows the ladder (rkt: common/../rkt/errors).
    """

    exit_code: ClassVar[int] = 254  # what rkt returns for its own failures

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RktError):
    """The command line cannot be read; the usage text of the command follows the message."""
