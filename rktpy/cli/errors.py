"""How a failure reads on stderr: one line for users, the ladder of causes with ``--debug``."""

from __future__ import annotations

import errno
import os

from rktpy.cli.call import OutputError
from rktpy.errors import RktError

_ROOM = "make room; in the data directory with: rktpy image gc; rktpy gc"
_LONGEST = 4000  # characters of one message; whole paths fit
REPORT = "this is a bug in rktpy: run the command again with --debug and report what it prints"


def describe(prefix: str, error: BaseException, *, debug: bool) -> str:
    """Return the text for ``error``, without its last newline.

    Users see the outermost message and the innermost cause, one line; ``debug`` shows every level,
    each two columns further to the right (rkt-cli 2).
    """
    chain = causes(error)
    texts = [text for text in (message(level) for level in chain) if text]
    hint = next((e.hint for e in chain if isinstance(e, RktError) and e.hint), _room(chain))
    tail = f" ({_bounded(hint)})" if hint else ""
    if debug:
        first = message(chain[0])
        steps = texts[1:] if first else texts
        ladder = [f"{'  ' * level}└─{text}" for level, text in enumerate(steps, 1)]
        return "\n".join([f"{prefix}: {first}{tail}", *ladder])
    ends = dict.fromkeys(text for text in (message(chain[0]), *texts[-1:]) if text)
    return f"{prefix}: {': '.join(ends)}{tail}"


def _room(chain: list[BaseException]) -> str | None:
    """Return what to do if a disk is full, which is met anywhere."""
    last = chain[-1]
    full = isinstance(last, OSError) and last.errno in (errno.ENOSPC, errno.EDQUOT)
    return _ROOM if full and not isinstance(chain[0], OutputError) else None


def causes(error: BaseException) -> list[BaseException]:
    """Return ``error`` and what it was raised from, outermost first."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None and cause not in chain:
        chain.append(cause)
    return chain


def message(error: BaseException) -> str:
    """Return what one level says, in one style: lower case, the file in front."""
    if isinstance(error, RktError):
        return _bounded(error.message)
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror[0].lower() + error.strerror[1:]
        name = error.filename2 or error.filename
        return f"{os.fsdecode(name)}: {reason}" if isinstance(name, (str, bytes)) else reason
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _bounded(text: str) -> str:
    """Return ``text`` shortened where a stranger's word in it would fill the terminal."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def is_expected(error: BaseException) -> bool:
    """Whether the world is to blame and not our code: a failing disk, a missing permission."""
    return isinstance(error, (RktError, OSError))


def describe_bug(prefix: str, error: BaseException, *, debug: bool) -> str:
    """Return the text for an error nobody foresaw: where to take it, or the whole traceback."""
    if debug:
        import traceback

        return "".join(traceback.format_exception(error)).rstrip("\n")
    return f"{prefix}: internal error: {message(error)} ({REPORT})"
