"""Diagnostics for people: warnings always, debug lines with ``--debug``, all on stderr.

The standard ``logging`` costs 20 ms to import, so a logger here is a prefix and a sink.
Lines look as rkt's do: ``<prefix>: <text>`` without time or level.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Sink(Protocol):
        """Receives one finished line."""

        def __call__(self, line: str) -> None: ...


class _State:
    """The only switches of the process; the edge sets the first once, before any room runs."""

    debug = False
    before = ""


def enable_debug() -> None:
    """Show debug lines from now on."""
    _State.debug = True


def debug_enabled() -> bool:
    """Return whether debug lines are shown, for callers whose text is costly to make."""
    return _State.debug


def write_before_lines(text: str) -> None:
    """Write ``text`` before each line from now on: what clears a display that is in the way."""
    _State.before = text


def harmless(text: str) -> str:
    """Return ``text``, which may be a stranger's, without what could steer a terminal.

    Line ends and tabs stay; other control characters, marks that turn the direction of writing,
    and bytes that are no UTF-8 (PEP 383) become escapes.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else ascii(char)[1:-1]


def write_line(line: str) -> None:
    """Write ``line`` to stderr in one call, so that lines of several processes do not mix."""
    # A closed or full stderr must not stop a pod from starting or ending.
    try:
        os.write(2, (_State.before + harmless(line) + "\n").encode())
    except OSError:
        return


class Logger:
    """Writes lines that begin with ``prefix``."""

    __slots__ = ("prefix",)

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def debug(self, text: str, *args: object) -> None:
        """Write a diagnostic line if ``--debug`` was given; ``args`` fill ``%`` marks."""
        if _State.debug:
            self.warning(text, *args)

    def warning(self, text: str, *args: object) -> None:
        """Write a line: we went on without something the user may miss."""
        write_line(f"{self.prefix}: {text % args if args else text}")
