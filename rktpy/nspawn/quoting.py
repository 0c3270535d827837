"""Text that systemd reads back as exactly the bytes we meant. Pure.

Everything that comes from a manifest or the command line goes through here before it reaches a
unit file or nspawn's argv (systemd.syntax(7), systemd.service(5) "Command lines").
"""

from __future__ import annotations

from rktpy.errors import RktError

_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"'}
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.")
_PLAIN_PATH = _PLAIN - {":"} | {"/", "-", "+"}


class QuotingError(RktError):
    """A value cannot be handed to systemd."""


def quote(text: str, *, dollars: bool = False) -> str:
    """Return ``text`` as one double-quoted word; ``%`` is doubled, ``$`` too if ``dollars``.

    Raises:
        QuotingError: it holds a NUL, which no program could receive.
    """
    return '"' + _escaped(text, dollars=dollars) + '"'


def command_line(argv: tuple[str, ...]) -> str:
    """Return ``argv`` for an ``Exec…=`` line. The first word is never expanded for ``$``."""
    return " ".join(quote(word, dollars=number > 0) for number, word in enumerate(argv))


def specifiers(text: str) -> str:
    """Return ``text`` for an option that expands ``%`` but knows no quotes.

    Raises:
        QuotingError: it holds a line break or NUL.
    """
    if any(char in text for char in "\n\r\0"):
        raise QuotingError(f"{text!r} holds a line break")
    return text.replace("%", "%%")


def bind_word(path: str) -> str:
    """Return a path for ``BindPaths=``, where ``:`` and blanks separate. In quotes a backslash
    keeps what follows as it is.

    Raises:
        QuotingError: it holds a line break or NUL.
    """
    if _PLAIN_PATH.issuperset(path):
        return path
    return '"' + specifiers(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def nspawn_path(text: str) -> str:
    """Return a path for nspawn's ``--bind=``, where ``:`` separates and ``\\`` escapes."""
    return text.replace("\\", "\\\\").replace(":", "\\:")


def path_escape(path: str) -> str:
    """Return ``path`` as part of a unit name (systemd-escape --path)."""
    stripped = "/".join(part for part in path.split("/") if part)
    if not stripped:
        return "-"
    words = []
    for number, char in enumerate(stripped):
        if char == "/":
            words.append("-")
        elif char in _PLAIN and not (number == 0 and char == "."):
            words.append(char)
        else:
            words += [f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape")]
    return "".join(words)


def _escaped(text: str, *, dollars: bool) -> str:
    words = []
    for char in text:
        if char in _NAMED:
            words.append(_NAMED[char])
        elif char == "%":
            words.append("%%")
        elif char == "$" and dollars:
            words.append("$$")
        elif char == "\0":
            raise QuotingError(f"{text!r} holds a NUL character")
        elif char < " " or "\udc80" <= char <= "\udcff" or char == "\x7f":
            words += [f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape")]
        else:
            words.append(char)
    return "".join(words)
