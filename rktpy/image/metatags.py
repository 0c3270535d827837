"""The ``meta`` tags of a page from a stranger. Tolerant, and in time linear in its length."""

from __future__ import annotations

import re
from html import unescape

from rktpy.value import Value

_TAG = 8192  # characters of the longest tag looked at
_MANY = 1000  # tags looked at
_ATTRIBUTE = re.compile(r"""([^\s=/>"']+)\s*(?:=\s*("[^"]*"|'[^']*'|[^\s>"']+))?""")
_END = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_NO_CHARACTER = re.compile("&#[xX]?[0-9a-fA-F]{10}")  # Python reads no number of any length
# What a page has to be looked at for: comments, discovery's tags, and what has no tags inside it.
_OPENING = re.compile(r"<(?:!--|(meta|script|style|textarea|title|noscript)(?![^ \t\r\n\f/>]))")


class Meta(Value):
    """A discovery tag: its name, the image prefix it is for, and a URL or template."""

    name: str
    prefix: str
    target: str


def parse_metas(page: str) -> tuple[Meta, ...]:
    """Return the discovery tags of ``page`` in order; what is no such tag is passed over."""
    found = []
    position = seen = 0
    lower = page.lower()
    while seen < _MANY and (opening := _OPENING.search(lower, position)) is not None:
        position = opening.start()
        if opening[1] is None:
            position = _after(lower, "-->", position + 4)
        elif opening[1] == "meta":
            seen += 1
            meta = _meta(page[position + 5 : position + _TAG])
            if meta is not None:
                found.append(meta)
            position += 1
        else:
            position = _after(lower, f"</{opening[1]}", position + 1)
    return tuple(found)


def _after(lower: str, mark: str, start: int) -> int:
    """Return the position behind ``mark``; without it the rest of the page belongs inside."""
    position = lower.find(mark, start)
    return len(lower) if position < 0 else position + len(mark)


def _meta(text: str) -> Meta | None:
    """Return the tag whose attributes ``text`` begins with, if it is one of discovery."""
    end = _END.match(text)
    if end is None:
        return None
    values: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(end[0][:-1]):
        values.setdefault(match[1].lower(), _unescaped((match[2] or "").strip("\"'")))
    name = values.get("name", "")
    prefix, _, target = values.get("content", "").strip().partition(" ")
    if not name.startswith("ac-") or not prefix or not target.strip():
        return None
    return Meta(name, prefix, target.strip())


def _unescaped(text: str) -> str:
    """Return ``text`` with its character references read; those of no character stay."""
    return text if _NO_CHARACTER.search(text) else unescape(text)
