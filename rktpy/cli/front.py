"""The click front end: the command table as click commands, for help, completion and prompts.

click cannot parse rkt's grammar, so it never sees a well-formed call; importing it costs more than
the whole of ``rktpy list``.
"""

from __future__ import annotations

import os

import click
from click.shell_completion import CompletionItem

from rktpy.cli import usage
from rktpy.cli.table import ROOT, subcommands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.cli.spec import Command, Option


class RktOption(click.Option):
    """One option of the table; it completes its words, files, pods or images."""

    def __init__(self, option: Option) -> None:
        names = [f"--{option.name}"] + ([f"-{option.letter}"] if option.letter else [])
        super().__init__(
            [*names, option.name.replace("-", "_")],
            help=option.help,
            is_flag=option.kind == "bool",
            multiple=option.kind in ("strings", "pairs", "env"),
            hidden=option.hidden or bool(option.deprecated),
            expose_value=False,
        )
        self.row = option

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return complete(self.row.complete, ctx, incomplete)


class RktArgument(click.Argument):
    """What follows the options of a command."""

    def __init__(self, command: Command) -> None:
        super().__init__(["arguments"], nargs=-1, required=False)
        self.row = command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return complete(self.row.complete, ctx, incomplete)


class RktCommand(click.Command):
    """A command of the table; its help has rkt's layout."""

    def __init__(self, row: Command, environ: Mapping[str, str]) -> None:
        own, inherited = usage.visible_options(row, environ)
        params: list[click.Parameter] = [RktOption(option) for option in (*own, *inherited)]
        if row.complete:
            params.append(RktArgument(row))
        super().__init__(
            row.leaf, params=params, help=row.short, add_help_option=False, hidden=row.hidden
        )
        self.row = row

    def get_help(self, ctx: click.Context) -> str:
        return usage.usage_text(self.row, ctx.find_root().info_name or "rktpy")


class RktGroup(click.Group):
    """A group of the table; its commands are made when asked for."""

    def __init__(self, row: Command, environ: Mapping[str, str]) -> None:
        own, inherited = usage.visible_options(row, environ)
        super().__init__(
            row.leaf,
            params=[RktOption(option) for option in (*own, *inherited)],
            help=row.short,
            add_help_option=False,
        )
        self.row = row
        self.environ = environ

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [c.leaf for c in subcommands(self.row, self.environ) if not c.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for command in subcommands(self.row, self.environ):
            if command.leaf == cmd_name:
                return build(command, self.environ)
        return None

    def get_help(self, ctx: click.Context) -> str:
        return usage.usage_text(self.row, ctx.find_root().info_name or "rktpy")


def build(row: Command, environ: Mapping[str, str] | None = None) -> click.Command:
    """Return the click command of a row of the table, with all below it."""
    environ = os.environ if environ is None else environ
    return RktGroup(row, environ) if row.commands else RktCommand(row, environ)


def context(row: Command, program: str) -> click.Context:
    """Return the click context of a command: one level per word of its path."""
    ctx = click.Context(build(ROOT), info_name=program)
    for word in row.path:
        group = ctx.command
        command = group.get_command(ctx, word) if isinstance(group, click.Group) else None
        if command is None:  # an experiment that is switched off
            command = build(row)
        ctx = click.Context(command, info_name=word, parent=ctx)
    return ctx


def help_text(row: Command, program: str) -> str:
    """Return the usage text of a command."""
    ctx = context(row, program)
    return ctx.command.get_help(ctx)


def complete(
    what: str | tuple[str, ...], ctx: click.Context, incomplete: str
) -> list[CompletionItem]:
    """Return what may stand where ``what`` says (``Option.complete``), as far as it fits."""
    if isinstance(what, tuple):
        return [CompletionItem(word) for word in what if word.startswith(incomplete)]
    if what in ("file", "dir"):
        return [CompletionItem(incomplete, type=what)]
    if what == "copy":  # POD:PATH or a file
        pods = complete("pod", ctx, incomplete)
        return [CompletionItem(f"{item.value}:", help=item.help) for item in pods] + [
            CompletionItem(incomplete, type="file")
        ]
    if what in ("pod", "running-pod", "image"):
        from rktpy.cli import live
        from rktpy.verbs.site import Site

        site = ctx.find_object(Site) or Site()
        names = live.images(site) if what == "image" else live.pods(site, what)
        items = [CompletionItem(n, help=h) for n, h in names if n.startswith(incomplete)]
        if what == "image":
            items.append(CompletionItem(incomplete, type="file"))
        return items
    return []
