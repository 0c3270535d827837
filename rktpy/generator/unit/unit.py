"""The text of a pod's unit: our defaults, unless the file sets them itself. Pure.

rkt's documents have the pattern: the process of the unit becomes the pod, so SIGTERM goes to it
alone (``KillMode=mixed``), and the pod's own systemd makes control groups (``Delegate=yes``).
"""

from __future__ import annotations

from rktpy.generator.file.names import DEPENDENCIES, translated
from rktpy.generator.file.words import exec_line, literal
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from rktpy.generator.file.ini import Entry, Problem, Section

_ONLINE = "network-online.target"
_NO_TYPES = ("forking", "dbus", "idle")
_SERVICE = (
    ("Type", "notify"),
    ("KillMode", "mixed"),
    ("Delegate", "yes"),
    ("Slice", "machine.slice"),
    ("Restart", "on-failure"),
)
_SLOW_START = "15min"  # images may have to come first; systemd's own limit is 90 s


class Start(Value):
    """What the unit runs. ``rktpy`` is the program with its global options."""

    rktpy: tuple[str, ...]
    run: tuple[str, ...]  # words behind ``rktpy run``
    pod: str  # the pod's name
    source: str  # the file that all this comes from, empty for none
    may_fetch: bool = True
    after_start: tuple[str, ...] = ()  # values of ExecStartPost=
    wants: tuple[str, ...] = ()  # units that start behind this one


def through(
    section: Section | None, known: Container[str], problems: list[Problem]
) -> tuple[tuple[str, str], ...]:
    """Return the lines of a section that passes through, names of ``.pod`` files translated."""
    lines = []
    for entry in section.entries if section else ():
        if entry.key in DEPENDENCIES:
            lines.append((entry.key, translated(entry, known, problems)))
            continue
        if section and section.name == "Service" and (text := _refusal(entry)):
            problems.append(entry.problem(text))
        lines.append((entry.key, entry.value))
    return tuple(lines)


def service_text(
    start: Start,
    *,
    unit: Sequence[tuple[str, str]] = (),
    service: Sequence[tuple[str, str]] = (),
    install: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the text of the unit; settings in ``unit`` and ``service`` override our defaults.

    Raises:
        WordError: a word of the command line cannot be written.
    """
    # An ended pod keeps its name until it is removed.
    run = exec_line((*start.rktpy, "run", "--replace", f"--pod-name={start.pod}", *start.run))
    lines = [
        *_unset(_SERVICE, service),
        *(_unset((("TimeoutStartSec", _SLOW_START),), service) if start.may_fetch else ()),
        ("ExecStart", run),
        *(("ExecStartPost", line) for line in start.after_start),
        ("ExecStopPost", exec_line((*start.rktpy, "gc", "--mark-only"))),
        *service,
    ]
    sections = [("Unit", _unit_lines(start, unit)), ("Service", lines)]
    if install:
        sections.append(("Install", list(install)))
    return _text(sections)


def broken_text(stem: str, source: str, problems: Sequence[Problem]) -> str:
    """Return a unit that fails and logs ``problems``: without one, nobody would look for them."""
    says = [
        ("ExecStart", exec_line(("/bin/echo", f"<3>{literal(str(problem))}")))
        for problem in problems
    ]
    unit = [
        ("Description", literal(f"Pod {stem}, whose file is wrong")),
        ("SourcePath", literal(source)),
    ]
    service = [
        ("Type", "oneshot"),
        ("StandardOutput", "journal"),
        ("SyslogIdentifier", "rktpy-generator"),
        *says,
        ("ExecStart", "/bin/false"),
    ]
    return _text([("Unit", unit), ("Service", service)])


def _unit_lines(start: Start, given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    ours = [("Description", f"Pod {start.pod}")]
    if start.source:
        # systemctl says that a daemon-reload is due when this file has changed.
        ours.append(("SourcePath", literal(start.source)))
    ours = list(_unset(ours, given))
    if start.may_fetch:
        ours += [("Wants", _ONLINE), ("After", _ONLINE)]
    return [*ours, *(("Wants", name) for name in start.wants), *given]


def _unset(
    ours: Sequence[tuple[str, str]], given: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    theirs = {key for key, _ in given}
    return tuple((key, value) for key, value in ours if key not in theirs)


def _refusal(entry: Entry) -> str:
    if entry.key == "ExecStart":
        return "ExecStart=: the unit starts the pod that [Pod] and [App] describe"
    if entry.key == "Type" and entry.value in _NO_TYPES:
        return f"Type=: a pod cannot be {entry.value}; use notify, exec or oneshot"
    return ""


def _text(sections: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> str:
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in lines)
        for name, lines in sections
    )
