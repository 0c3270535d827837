"""Usage texts in rkt's layout (rkt-cli 1.5), from the table. Only help and mistakes need it."""

from __future__ import annotations

import os

from rktpy.cli import output
from rktpy.cli.spec import PROGRAM
from rktpy.cli.table import GLOBAL_OPTIONS, options_of, subcommands
from rktpy.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.cli.spec import Command, Option

_NEAR = 2  # edits between what was typed and a command worth proposing


def usage_text(command: Command, program: str, environ: Mapping[str, str] | None = None) -> str:
    """Return the whole usage text of ``command``, lines aligned, ending in a newline."""
    environ = os.environ if environ is None else environ
    name = " ".join(command.path) or program
    sections = [
        ("NAME", [f"{name} - {command.short}"]),
        ("USAGE", [use_line(command, program)]),
    ]
    if not command.path:
        sections.append(("VERSION", [VERSION]))
    if command.commands:
        sections.append(("COMMANDS", _command_lines(command, environ)))
    if command.long:
        sections.append(("DESCRIPTION", [command.long.replace(PROGRAM, program)]))
    own, inherited = visible_options(command, environ)
    if own:
        sections.append(("OPTIONS", [option_line(option) for option in own]))
    if inherited:
        sections.append(("GLOBAL OPTIONS", [option_line(option) for option in inherited]))
    text = "\n".join(
        f"{title}:\n" + "".join(f"\t{line}\n" for line in lines) for title, lines in sections
    )
    return output.table(line.split("\t") for line in text.splitlines())


def use_line(command: Command, program: str) -> str:
    """Return the line that shows how ``command`` is written."""
    return " ".join((program, *command.path[:-1], command.usage))


def _command_lines(group: Command, environ: Mapping[str, str]) -> list[str]:
    skip = len(group.path)
    lines = []
    for command in subcommands(group, environ):
        if command.hidden:
            continue
        inner = subcommands(command, environ) if command.commands else []
        if command.handler:
            inner = [command, *inner]
        lines += [f"{' '.join(c.path[skip:])}\t{c.short}" for c in inner if not c.hidden]
    return lines


def visible_options(
    command: Command, environ: Mapping[str, str]
) -> tuple[list[Option], list[Option]]:
    """Return the command's own and the inherited options that help shows, sorted."""
    common = _shown(options_of(GLOBAL_OPTIONS), environ)
    if not command.path:
        return common, []
    return _shown(options_of(command.options), environ), common


def _shown(options: Sequence[Option], environ: Mapping[str, str]) -> list[Option]:
    from rktpy.cli.kinds import is_true

    return sorted(
        (
            option
            for option in options
            if not option.hidden
            and not option.deprecated
            and (not option.experiment or is_true(environ.get(option.experiment)))
        ),
        key=lambda option: option.name,
    )


def option_line(option: Option) -> str:
    """Return one line of an option list: form with default, tab, help."""
    start = f"  -{option.letter}, --" if option.letter else "      --"
    value = f"={default_text(option)}"
    if option.bare:
        value = f"[{value}]"
    return f"{start}{option.name}{value}\t{option.help}"


def default_text(option: Option) -> str:
    """Return what an option is worth when absent, as help shows it."""
    from rktpy.cli.kinds import empty

    value = empty(option)
    if isinstance(value, bool):
        return "true" if value else "false"
    if option.kind == "duration":
        return output.format_duration(int(str(value)))
    if option.kind == "wait":
        return "false"
    if option.kind == "net":
        return option.bare
    if option.kind in ("string", "stage1"):
        return output.quote(str(value))
    return "" if value == () else str(value)


def similar_commands(group: Command, word: str, environ: Mapping[str, str]) -> list[str]:
    """Return the names of ``group`` that ``word`` may have been meant for."""
    return [
        command.path[-1]
        for command in subcommands(group, environ)
        if not command.hidden
        and (
            command.path[-1].startswith(word.lower())
            or _distance(command.path[-1], word.lower()) <= _NEAR
        )
    ]


def _distance(one: str, other: str) -> int:
    """Count the letters to insert, delete or replace to get from ``one`` to ``other``."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
