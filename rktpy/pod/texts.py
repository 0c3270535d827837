"""The small text files of a pod, some of them in reach of what ran in it."""

from __future__ import annotations

import os

_LIMIT = 4096
# What an app put in place of a file must neither lead elsewhere nor make us wait.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_text(path: str) -> str:
    """Return the file's first 4 KiB without surrounding blanks, "" if it cannot be read."""
    try:
        fd = os.open(path, _FLAGS)
    except OSError:
        return ""
    try:
        return os.fsdecode(os.read(fd, _LIMIT)).strip()
    except OSError:
        return ""
    finally:
        os.close(fd)


def read_number(path: str) -> int | None:
    """Return the decimal number in a file, or None if there is none."""
    text = read_text(path)
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
