"""Man pages and ``--help`` say the same: one page per command, each option on both sides.

``python -m tests.support.manpages`` compares and exits with 1 if they differ;
``… --write`` writes a first page for each command that has none, and the list of commands in
rktpy(1). Existing pages are edited by hand and never overwritten.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from rktpy.cli import usage
from rktpy.cli.table import ROOT, subcommands
from rktpy.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rktpy.cli.spec import Command, Option

PAGES = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "docs", "man"
)
_OPTION_LINE = re.compile(r"^\.BR? .*?\\-\\-([a-z][a-z0-9\\-]*)", re.MULTILINE)


def commands(group: Command = ROOT) -> Iterator[Command]:
    """Return every command that help shows and this version has, the root first."""
    if group is ROOT:
        yield ROOT
    for command in subcommands(group, {}):
        if command.hidden or not command.ready:
            continue
        if command.commands:
            yield from commands(command)
        else:
            yield command


def page_name(command: Command) -> str:
    """Return the file name of a command's page: ``rktpy-image-list.1``."""
    return f"{'-'.join(('rktpy', *command.path))}.1"


def options_in(page: str) -> set[str]:
    """Return the long options that the text of a page explains."""
    return {name.replace("\\-", "-") for name in _OPTION_LINE.findall(page)}


def differences(folder: str = PAGES) -> list[str]:
    """Return one sentence per difference between the table and the pages in ``folder``."""
    found = []
    expected = {page_name(command): command for command in commands()}
    present = {name for name in os.listdir(folder) if name.endswith(".1")}
    found += [f"{name}: no such page" for name in sorted(set(expected) - present)]
    found += [f"{name}: no such command" for name in sorted(present - set(expected))]
    for name in sorted(present & set(expected)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            written = options_in(file.read())
        shown = {option.name for option in usage.visible_options(expected[name], {})[0]}
        found += [f"{name}: --{option} is in --help only" for option in sorted(shown - written)]
        found += [f"{name}: --{option} is in the page only" for option in sorted(written - shown)]
    return found


def draft(command: Command) -> str:
    """Return a page for ``command`` made from the table."""
    name = page_name(command)[:-2]
    own, inherited = usage.visible_options(command, {})
    parts = [
        f'.TH {name.upper()} 1 "" "rktpy {VERSION}" "rktpy"',
        f".SH NAME\n{_text(name)} \\- {_text(command.short)}",
        f".SH SYNOPSIS\n.B {_text(usage.use_line(command, 'rktpy'))}",
    ]
    if command.long:
        parts.append(f".SH DESCRIPTION\n{_text(command.long % {'program': 'rktpy'})}")
    if command is ROOT:
        rows = [c for c in commands() if c is not ROOT]
        parts.append(".SH COMMANDS\n" + "\n".join(map(_command, rows)))
    if own:
        parts.append(".SH OPTIONS\n" + "\n".join(map(_option, own)))
    if inherited:
        parts.append(".SH GLOBAL OPTIONS\nThose of\n.BR rktpy (1).")
    parts.append(
        ".SH EXIT STATUS\n0 on success; 254 if the command itself failed, with one line on "
        "standard error saying why. A command that waits for a pod passes on the pod's status."
    )
    others = "" if command is ROOT else ".BR rktpy (1),\n"
    parts.append(f".SH SEE ALSO\n{others}.BR systemd-nspawn (1),\n.BR machinectl (1)")
    return "\n".join(parts) + "\n"


def _option(option: Option) -> str:
    letter = f"\\-{option.letter}, " if option.letter else ""
    value = usage.default_text(option)
    form = f"{letter}\\-\\-{_text(option.name)}"
    default = f"\nThe default is\n.BR {_text(value)} ." if value not in ("", '""') else ""
    return f".TP\n.B {form}\n{_text(option.help)}.{default}"


def _command(command: Command) -> str:
    return f".TP\n.BR {_text(page_name(command)[:-2])} (1)\n{_text(command.short)}"


def _text(text: str) -> str:
    """Return ``text`` so that troff prints it as it stands."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{li}" if li.startswith((".", "'")) else li for li in escaped.split("\n"))


def main(argv: Sequence[str]) -> int:
    """Compare, or write what is missing; see the module."""
    if list(argv) == ["--write"]:
        for command in commands():
            path = os.path.join(PAGES, page_name(command))
            if not os.path.exists(path):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(draft(command))
        return 0
    found = differences()
    for line in found:
        sys.stderr.write(f"docs/man/{line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
