"""The small text files of a pod, some of them in reach of what ran in it."""

from __future__ import annotations

import os

_LIMIT = 4096
# What an app put in place of a file must neither lead elsewhere nor make us wait.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_text(path: str) -> str:
    """Return the file's first 4 KiB without surrounding blanks, "" if it cannot be read, or has a
    NUL in it, which no number, name or path has.
    """
    try:
        fd = os.open(path, _FLAGS)
    except (OSError, ValueError):  # no file has a name with a NUL in it
        return ""
    try:
        data = os.read(fd, _LIMIT)
        return "" if b"\0" in data else os.fsdecode(data).strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def read_number(path: str) -> int | None:
    """Return the decimal number in a file, or None if there is none."""
    text = read_text(path)
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def check_text(value: object) -> str:
    """Return ``value``, a part of a manifest that nobody has checked.

    Raises:
        TypeError: it is not a string.
    """
    if not isinstance(value, str):
        raise TypeError("the manifest has something else in the place of a string")
    return value
