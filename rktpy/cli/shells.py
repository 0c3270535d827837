"""Completion for bash, zsh and fish: click's scripts, answers from the argv walk.

The script a shell sources calls the program back with the line so far in its environment.
"""

from __future__ import annotations

import os

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)

from rktpy.cli import front, walk
from rktpy.cli.call import say
from rktpy.cli.table import ROOT, subcommands
from rktpy.errors import RktError
from rktpy.verbs.site import LOCAL_CONFIG, SYSTEM_CONFIG, Site

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.spec import Command, Option

SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}
VARIABLE = "_RKTPY_COMPLETE"


def script(shell: str, program: str) -> str:
    """Return what the shell must source to complete ``program``."""
    made = _completer(shell, program)
    # Not .source(): for bash it starts a shell to ask its version.
    return made.source_template % made.source_vars()


def answer(instruction: str, program: str) -> int:
    """Print the completions of the line in the environment; the exit status follows click."""
    shell, _, action = instruction.partition("_")
    if shell not in SHELLS or action != "complete":
        return 1
    try:
        text = _completer(shell, program).complete()
    except Exception:  # noqa: BLE001 - a traceback in the middle of a prompt helps nobody
        return 1
    if text:
        say(text)
    return 0


def _completer(shell: str, program: str) -> ShellComplete:
    kind = type("Completer", (_Walked, SHELLS[shell]), {})
    made: ShellComplete = kind(front.build(ROOT), {}, program, VARIABLE)
    return made


class _Walked(ShellComplete):
    """Finds out by the walk, not by click's parser, what is being typed."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        return suggest(args, incomplete, self.prog_name)


def suggest(words: list[str], incomplete: str, program: str) -> list[CompletionItem]:
    """Return what may stand in place of ``incomplete`` behind ``words``."""
    words, incomplete, glued = _join_values(words, incomplete)
    try:
        command, rest = walk.find(words, os.environ, program)
    except walk.UnknownCommandError:
        return []
    reading = walk.Reading(command, os.environ)
    ctx = front.context(command, program)
    ctx.obj = _site(command, rest)
    if "--" in words and command.grammar != "plain" and "---" not in words[words.index("--") :]:
        return [CompletionItem(incomplete, type="file")]  # arguments of the app itself
    option = _value_of(reading, words, incomplete)
    if option is not None:
        name, equals, value = incomplete.partition("=")
        start = f"{name}{equals}" if incomplete.startswith("--") and not glued else ""
        found = front.complete(option.complete, ctx, value if start else incomplete)
        return [CompletionItem(start + i.value, type=i.type, help=i.help) for i in found]
    if incomplete.startswith("-"):
        return _option_names(reading, incomplete)
    if command.commands:
        inner = [
            CompletionItem(c.leaf, help=c.short)
            for c in subcommands(command, os.environ)
            if not c.hidden and c.leaf.startswith(incomplete)
        ]
        return inner + _arguments(command, rest, ctx, incomplete) if command.handler else inner
    return _arguments(command, rest, ctx, incomplete)


def _join_values(words: list[str], incomplete: str) -> tuple[list[str], str, bool]:
    """bash breaks words at ``=``: put ``--x = v`` together again. The flag says that what is being
    typed follows such a break, so that only its value is to be offered.
    """
    joined: list[str] = []
    for word in words:
        if word == "=" and joined and joined[-1].startswith("--"):
            joined[-1] += "="
        elif joined and joined[-1].startswith("--") and joined[-1].endswith("="):
            joined[-1] += word
        else:
            joined.append(word)
    if incomplete == "=" and joined and joined[-1].startswith("--"):
        joined[-1] += "="
        incomplete = ""
    glued = bool(joined) and joined[-1].startswith("--") and joined[-1].endswith("=")
    return joined, incomplete, glued


def _value_of(reading: walk.Reading, words: list[str], incomplete: str) -> Option | None:
    """Return the option whose value is being typed, if one is."""
    if incomplete.startswith("--") and "=" in incomplete:
        return reading.known.get(incomplete[2:].partition("=")[0])
    last = words[-1] if words else ""
    if not last.startswith("--"):
        return None
    if last.endswith("="):
        return reading.known.get(last[2:-1])
    option = reading.known.get(last[2:])
    return option if option is not None and not option.bare else None


def _option_names(reading: walk.Reading, incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(f"--{option.name}", help=option.help)
        for option in sorted(reading.known.values(), key=lambda o: o.name)
        if not option.hidden and not option.deprecated and f"--{option.name}".startswith(incomplete)
    ]


def _arguments(command: Command, rest: list[str], ctx: object, text: str) -> list[CompletionItem]:
    import click

    assert isinstance(ctx, click.Context)  # noqa: S101 - narrows the type
    if command.complete == "command":
        return [
            CompletionItem(c.leaf, help=c.short)
            for c in subcommands(ROOT, os.environ)
            if not c.hidden
        ]
    count = sum(1 for word in rest if not word.startswith("-"))
    most = command.arity[1]
    if command.leaf == "enter" and count:
        return [CompletionItem(text, type="file")]
    if most is not None and count >= most:
        return []
    if count and most is not None:
        return [CompletionItem(text, type="file")]  # the output of export and its kind
    return front.complete(command.complete, ctx, text)


def _site(command: Command, rest: list[str]) -> Site:
    """The directories named so far on the line decide whose pods and images are offered."""
    try:
        values = walk.read(command, rest, os.environ).values
    except RktError:
        return Site()
    return Site(
        data_dir=str(values.get("dir", "")),
        system_config=str(values.get("system-config", SYSTEM_CONFIG)),
        local_config=str(values.get("local-config", LOCAL_CONFIG)),
        user_config=str(values.get("user-config", "")),
    )
