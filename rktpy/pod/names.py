"""Pod UUIDs as text: making one, recognising one."""

from __future__ import annotations

import os

_HEX = "0123456789abcdef"


def new_uuid() -> str:
    """Return a random (version 4) UUID in its lower-case text form."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_uuid(text: str) -> bool:
    """Return whether ``text`` is a UUID in the one form that names a pod directory."""
    if len(text) != 36 or not text[8] == text[13] == text[18] == text[23] == "-":
        return False
    digits = text.replace("-", "")
    return len(digits) == 32 and not digits.strip(_HEX)
