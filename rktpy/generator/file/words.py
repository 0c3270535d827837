"""Splits values into words, as the generator reads them, and quotes ``Exec…=`` lines for systemd.

Pure. Specifiers (``%i``) are systemd's: a ``%`` of the user is written as it came. A ``$`` belongs
to the pod, never to the unit: it is doubled.
Sources: systemd.syntax(7) "Quoting", systemd.service(5) "Command lines", systemd.unit(5)
"Specifiers".
"""

from __future__ import annotations

from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_BLANKS = " \t\n\r"
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", '"': '"', "'": "'", "s": " ",
}  # fmt: skip
_HEX = {"x": 2, "u": 4, "U": 8}
_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\", '"': '\\"', "$": "$$"}
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._:=,@+-%")
_SPECIFIERS = frozenset("ABCDEGHIJLMNPSTUVWYabdfghijlmnopqstuvwy")  # of systemd 257
_LONGEST_WORD = 1 << 17  # bytes, with the NUL (kernel: MAX_ARG_STRLEN)


class WordError(RktError):
    """A value cannot be split into words, or a word cannot be quoted."""


def split(text: str) -> list[str]:
    """Return the words of ``text``, without quotes and escapes.

    Raises:
        WordError: a quote is not closed, or an escape is none that systemd knows.
    """
    words: list[str] = []
    word: list[str] | None = None
    quote, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            word = word or []
            found, at = _unescape(text, at + 1)
            word.append(found)
            continue
        if quote:
            if char == quote:
                quote = ""
            else:
                word = word or []
                word.append(char)
        elif char in "\"'":
            quote, word = char, word or []
        elif char in _BLANKS:
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = word or []
            word.append(char)
        at += 1
    if quote:
        raise WordError(f"the {quote} is not closed")
    return words if word is None else [*words, "".join(word)]


def literal(text: str) -> str:
    """Return ``text`` so that systemd finds no specifier in it."""
    return text.replace("%", "%%")


def check_specifiers(text: str) -> None:
    """Refuse a ``%`` that is not a specifier: systemd refuses some such units with a line of ours,
    not the user's, and takes the others as they stand until a later version knows them.

    Raises:
        WordError: with what to write instead.
    """
    parts = iter(text.split("%")[1:])
    for part in parts:
        # "%%" leaves an empty part, and one for what follows.
        if (part and part[0] not in _SPECIFIERS) or (not part and next(parts, None) is None):
            raise WordError(
                f"%{part[:1]} is not a specifier; a % that is meant as such is written %%"
            )


def exec_line(argv: Iterable[str]) -> str:
    """Return ``argv`` as the value of ``ExecStart=``; the first word is an absolute path.

    Raises:
        WordError: a word holds a NUL or is longer than the kernel takes.
    """
    program, *rest = argv
    return " ".join([_quoted(program).replace("$$", "$"), *map(_quoted, rest)])


def word_text(word: str) -> str:
    """Return ``word`` as ``split`` reads it. A ``$`` is no quote of it, as it is in ``Exec…=``.

    Raises:
        WordError: it is not a text, or longer than the kernel takes.
    """
    try:
        return _quoted(word).replace("$$", "$")
    except UnicodeEncodeError as error:
        raise WordError(f"{word!a} is not UTF-8") from error


def _quoted(word: str) -> str:
    if "\0" in word:
        raise WordError("a NUL cannot be part of a command line")
    if len(word.encode()) >= _LONGEST_WORD:
        raise WordError(f"{word[:20]}… is longer than a program can be given")
    if word and _PLAIN.issuperset(word):
        return word
    return '"' + "".join(map(_escaped, word)) + '"'


def _escaped(char: str) -> str:
    if char in _NAMED:
        return _NAMED[char]
    return f"\\x{ord(char):02x}" if char < " " or char == "\x7f" else char


def _unescape(text: str, at: int) -> tuple[str, int]:
    """Return the character of the escape whose text begins at ``at``, and where it ends."""
    kind = text[at : at + 1]
    if kind in _SIMPLE:
        return _SIMPLE[kind], at + 1
    if kind in _HEX:
        digits, base, start = _HEX[kind], 16, at + 1
    else:
        digits, base, start = 3, 8, at
    number = text[start : start + digits]
    try:
        code = int(number, base) if len(number) == digits and number.isalnum() else 0
    except ValueError:
        code = 0
    # Above ASCII \x and octal are single bytes, which need not make up a character.
    most = 0x10FFFF if kind in ("u", "U") else 0x7F
    if not 0 < code <= most or 0xD800 <= code <= 0xDFFF:
        raise WordError(f"\\{kind} is not an escape that systemd knows; write \\\\ for a backslash")
    return chr(code), start + digits
