"""Text of ``.pod`` files and their drop-ins → sections and entries with file and line. Pure.

The syntax is that of unit files (systemd.syntax(7)): ``#`` and ``;`` begin comments, also between
continued lines; a backslash at the end takes in the next line; a key may stand several times.
What systemd would skip with a warning is a problem here: a pod must not start while a line of its
file is ignored.
"""

from __future__ import annotations

from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BLANKS = " \t"
LONGEST = 1 << 20  # bytes of a line that systemd reads (LONG_LINE_MAX), and of a file that we read
_LONGEST_TEXT = 500  # characters that a problem is told with


class Problem(Value):
    """What is wrong with a file, and where; ``line`` counts from 1, 0 means all of it."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """Return one printable line: the text quotes files that may say anything."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.text}"
        text = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
        return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


class Entry(Value):
    """One assignment. ``line`` is the first of its lines, the one with the key."""

    key: str
    value: str
    file: str
    line: int

    def problem(self, text: str) -> Problem:
        """Return the problem ``text`` of this line."""
        return Problem(self.file, self.line, text)


class Section(Value):
    """One section of all the files of a pod, its entries in the order in which they came."""

    name: str
    file: str
    line: int
    entries: tuple[Entry, ...]

    def problem(self, text: str) -> Problem:
        """Return the problem ``text`` of the line where the section begins first."""
        return Problem(self.file, self.line, text)


def read(parts: Iterable[tuple[str, str]], problems: list[Problem]) -> dict[str, Section]:
    """Return the sections of ``parts``, pairs of path and text, the file before its drop-ins.

    Sections of one name become one; all of them are in the order of their first header.
    """
    headers: dict[str, tuple[str, int]] = {}
    entries: dict[str, list[Entry]] = {}
    for file, text in parts:
        current: str | None = ""
        for number, line in _logical_lines(text):
            if not _readable(line):
                problems.append(Problem(file, number, "this line is not UTF-8, or is too long"))
            elif line[0] == "[":
                current = _header(line) or None
                if not current:
                    problems.append(Problem(file, number, f"no name of a section: {line}"))
                elif current not in headers:
                    headers[current] = (file, number)
                    entries[current] = []
            elif current is None:
                continue  # in a section without a name, which was told
            elif problem := _refusal(line, current):
                problems.append(Problem(file, number, problem))
            else:
                key, _, value = line.partition("=")
                entry = Entry(key.rstrip(_BLANKS), value.lstrip(_BLANKS), file, number)
                entries[current].append(entry)
    return {name: Section(name, *headers[name], tuple(found)) for name, found in entries.items()}


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not blank or a comment, continuations joined."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\n")
    pieces: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.lstrip(_BLANKS)
        if stripped[:1] in ("#", ";"):
            continue  # also between continued lines
        first = first or number
        if continues(line):
            pieces.append(line[:-1])
            continue
        if found := " ".join([*pieces, line]).strip(_BLANKS):
            yield first, found
        pieces, first = [], 0
    if found := " ".join(pieces).strip(_BLANKS):
        yield first, found


def continues(line: str) -> bool:
    """Return whether ``line`` is continued by the next one: it ends with a single backslash."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _readable(line: str) -> bool:
    try:
        return len(line.encode()) < LONGEST
    except UnicodeEncodeError:
        return False  # bytes that were no UTF-8 came as surrogates (PEP 383)


def _header(line: str) -> str:
    return " ".join(line[1:-1].split()) if line.endswith("]") else ""


def _refusal(line: str, section: str) -> str:
    if not section:
        return "this line stands before any [section]"
    key, equals, _ = line.partition("=")
    if not equals:
        return f"there is no = in: {line}"
    return "" if key.strip(_BLANKS) else "there is no name before the ="
