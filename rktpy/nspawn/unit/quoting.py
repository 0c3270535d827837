"""Text that systemd reads back as exactly the bytes we meant. Pure.

Everything that comes from a manifest or the command line goes through here before it reaches a
unit file or nspawn's argv (systemd.syntax(7), systemd.service(5) "Command lines").
"""

from __future__ import annotations

from rktpy.errors import RktError

_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"'}
_LONGEST_WORD = 1 << 17  # bytes, with the NUL (kernel: MAX_ARG_STRLEN)
_LONGEST_LINE = (1 << 20) - 64  # bytes (systemd: LONG_LINE_MAX), less the name of an option
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
    """Return ``argv`` for an ``Exec…=`` line. The first word is never expanded for ``$``.

    Raises:
        QuotingError: a word holds a NUL, or is longer than a program can be given; or all
            together they are longer than a line that systemd reads.
    """
    for word in argv:
        if len(word.encode("utf-8", "surrogateescape")) >= _LONGEST_WORD:
            start = quote(word[:20])
            raise QuotingError(f"the argument {start}… is longer than a program can be given")
    line = " ".join(quote(word, dollars=number > 0) for number, word in enumerate(argv))
    if len(line.encode("utf-8", "surrogateescape")) >= _LONGEST_LINE:
        raise QuotingError(f"the arguments of {argv[0]} are longer than systemd reads")
    return line


def directory(text: str) -> str:
    """Return a path for an option that knows no quotes, whatever it ends in.

    Raises:
        QuotingError: it holds a line break or NUL.
    """
    # systemd strips blanks from the end of a line, and a backslash there takes in the next one.
    return specifiers(text) + ("/." if text[-1:].isspace() or text.endswith("\\") else "")


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
