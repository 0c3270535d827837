"""The modes of the terminal that is our standard input, to be put right when another left it raw.

A line of text says which terminal and whose session it is, and what its modes were.
"""

from __future__ import annotations

import os

_STDIN = 0


def describe() -> str:
    """Return the line about our terminal: device, session, four words of modes."""
    import termios

    return f"{_identity()} {' '.join(str(word) for word in termios.tcgetattr(_STDIN)[:4])}\n"


def was_left_raw(line: str) -> bool:
    """Return whether ``line`` is about our terminal and session, and the modes now are what
    systemd-nspawn makes of those in ``line``, which is what cfmakeraw(3) does.

    Raises:
        ValueError: it is no such line.
    """
    import termios

    if not line.startswith(f"{_identity()} "):
        return False
    read, write, control, local = (int(word) for word in line.split()[2:6])
    read &= ~(termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP)
    read &= ~(termios.INLCR | termios.IGNCR | termios.ICRNL | termios.IXON)
    local &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    control = control & ~(termios.CSIZE | termios.PARENB) | termios.CS8
    raw = [read, write & ~termios.OPOST, control, local]
    return termios.tcgetattr(_STDIN)[:4] == raw


def is_raw() -> bool:
    """Return whether our standard input is a terminal that nobody could type a line at, and we may
    change it: whoever does so from the background is stopped.
    """
    if not os.isatty(_STDIN):
        return False
    import termios

    cooked: int = termios.ICANON | termios.ECHO | termios.ISIG
    return not termios.tcgetattr(_STDIN)[3] & cooked and os.tcgetpgrp(_STDIN) == os.getpgrp()


def put_right(line: str) -> None:
    """Give our terminal the modes of ``line``.

    Raises:
        OSError, ValueError: that cannot be done.
    """
    import termios

    attributes = termios.tcgetattr(_STDIN)
    attributes[:4] = [int(word) for word in line.split()[2:6]]
    try:
        termios.tcsetattr(_STDIN, termios.TCSANOW, attributes)
    except termios.error as error:
        raise OSError(*error.args) from error


def _identity() -> str:
    return f"{os.fstat(_STDIN).st_rdev} {os.getsid(0)}"
