"""Manual pages from the command table: ``python -m rktpy.cli.manual DIR`` writes them all.

They cannot differ from ``--help``; a test keeps ``docs/man`` equal to what this writes.
"""

from __future__ import annotations

import os
import sys

from rktpy.cli import usage
from rktpy.cli.spec import PROGRAM
from rktpy.cli.table import ROOT, subcommands
from rktpy.cli.tables.pages import PAGES
from rktpy.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rktpy.cli.spec import Command, Option

_NO_EXPERIMENTS: dict[str, str] = {}

_NAMES = (
    "Where UUID is asked for, the beginning of one does if no other pod's begins so, and so does"
    " the name a pod was given by --pod-name. An image is named by the path of its file, by its"
    " name, with a version after a colon if there are several, or by its hash or the beginning of"
    " that."
)

_STATUSES = (
    ("0", "It worked. Help, and removing or stopping what is already gone, count as success."),
    ("1", "The file named by --uuid-file cannot be read."),
    ("2", "No command was given."),
    ("254", "Anything else that fails before a pod runs."),
    ("other", "run and run-prepared become the pod: the status of the first app that failed."),
)

_ENVIRONMENT = (
    ("RKT_EXPERIMENT_APP", "1 or true: the app commands exist."),
    ("RKT_EXPERIMENT_ATTACH", "1 or true: attach and the stream options exist."),
    ("TERM", "Kept inside an app that is entered."),
)

_FILES = (
    ("/var/lib/rkt", "Images, rendered trees and pods, unless --dir or a configuration says else."),
    ("/usr/lib/rkt, /etc/rkt", "Configuration of the vendor and of this host; the latter wins."),
    ("/etc/rkt/net.d", "Networks: a file for each, and plugins that are programs."),
    ("/var/lib/cni/networks", "Addresses that pods have, as other CNI programs read them."),
)


def pages() -> Iterator[tuple[str, str]]:
    """Yield file name and text of every page: one for the program, one for each command."""
    commands = [c for c in _leaves(ROOT) if c.ready and not c.hidden]
    yield "rktpy.1", _root_page(commands)
    for command in commands:
        yield f"{page_name(command)}.1", _page(command)


def page_name(command: Command) -> str:
    """Return the name of the page about ``command``."""
    return "-".join(("rktpy", *command.path))


def _leaves(group: Command) -> Iterator[Command]:
    for command in subcommands(group, _NO_EXPERIMENTS):
        if command.handler:
            yield command
        if command.commands:
            yield from _leaves(command)


def _root_page(commands: Iterable[Command]) -> str:
    common, _ = usage.visible_options(ROOT, _NO_EXPERIMENTS)
    listed = [(f"rktpy {' '.join(c.path)}", f"{c.short}. See {page_name(c)}(1).") for c in commands]
    parts = [
        _head("rktpy", ROOT.short),
        _section("SYNOPSIS", [_bold("rktpy") + _plain(" [options] command [arguments]")]),
        _section("COMMANDS", _entries(listed)),
        _section("OPTIONS", _options(common)),
        _section("PODS AND IMAGES", [_plain(_NAMES)]),
        _section("EXIT STATUS", _entries(_STATUSES)),
        _section("ENVIRONMENT", _entries(_ENVIRONMENT)),
        _section("FILES", _entries(_FILES)),
    ]
    return "".join(parts)


def _page(command: Command) -> str:
    own, _ = usage.visible_options(command, _NO_EXPERIMENTS)
    parts = [
        _head(page_name(command), command.short),
        _section("SYNOPSIS", [_plain(usage.use_line(command, "rktpy"))]),
    ]
    if command.long:
        parts.append(_section("DESCRIPTION", [_plain(command.long.replace(PROGRAM, "rktpy"))]))
    if own:
        parts.append(_section("OPTIONS", _options(own)))
    if command.root:
        parts.append(_section("NOTES", [_plain("Only root may do this.")]))
    more = PAGES[" ".join(command.path)]
    parts += [
        _section("EXIT STATUS", _entries(more.statuses)),
        _section("EXAMPLES", _entries(more.examples)),
        _section("SEE ALSO", [_neighbours(more.see)]),
    ]
    return "".join(parts)


def _neighbours(commands: Iterable[str]) -> str:
    pages = [f"rktpy-{name.replace(' ', '-')}" for name in commands]
    return ", ".join(f"{_bold(page)}(1)" for page in ("rktpy", *pages))


def _head(name: str, short: str) -> str:
    title = f'.TH {_plain(name.upper())} 1 "" "rktpy {VERSION}" "rktpy"\n'
    return title + _section("NAME", [f"{_plain(name)} \\- {_plain(short)}"])


def _section(title: str, lines: Iterable[str]) -> str:
    return f".SH {title}\n" + "".join(f"{line}\n" for line in lines)


def _entries(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in entries:
        yield ".TP"
        yield _bold(term)
        yield _plain(text)


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        form, _, text = usage.option_line(option).strip().partition("\t")
        yield ".TP"
        yield _bold(form)
        yield _plain(text[:1].upper() + text[1:] + ("" if text.endswith(".") else "."))


def _bold(text: str) -> str:
    return f"\\fB{_plain(text)}\\fR"


def _plain(text: str) -> str:
    """Return ``text`` so that roff shows exactly these characters."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{safe}" if safe.startswith(".") else safe


def write(directory: str) -> None:
    """Write every page into ``directory``, which is made if needed."""
    os.makedirs(directory, exist_ok=True)
    for name, text in pages():
        with open(os.path.join(directory, name), "w", encoding="utf-8") as page:
            page.write(text)


if __name__ == "__main__":
    write(sys.argv[1])
