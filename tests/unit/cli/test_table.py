"""The command table as data: whole, consistent, and what its handlers are."""

from __future__ import annotations

import pytest

from rktpy.cli import kinds
from rktpy.cli.table import GLOBAL_OPTIONS, ROOT, options_of, subcommands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.spec import Command, Option

EVERYTHING = {"RKT_EXPERIMENT_APP": "1", "RKT_EXPERIMENT_ATTACH": "1"}


def walk(group: Command) -> list[Command]:
    found = []
    for command in subcommands(group, EVERYTHING):
        found += [command, *(walk(command) if command.commands else [])]
    return found


COMMANDS = walk(ROOT)
LEAVES = [command for command in COMMANDS if command.handler]

RKT = {  # every command of the reference, section 4
    *("api-service", "attach", "cat-manifest", "completion", "config", "enter", "export"),
    *("fetch", "gc", "help", "list", "metadata-service", "prepare", "rm", "run"),
    *("run-prepared", "status", "stop", "trust", "version"),
    *("app add", "app exec", "app list", "app rm", "app sandbox", "app start", "app status"),
    *("app stop", "image cat-manifest", "image export", "image extract", "image fetch"),
    *("image gc", "image list", "image render", "image rm", "image verify"),
}


def name(command: Command) -> str:
    return " ".join(command.path)


def test_every_command_of_rkt_is_in_the_table() -> None:
    assert {name(c) for c in LEAVES if not c.extra} == RKT


@pytest.mark.parametrize("command", LEAVES, ids=name)
def test_options_are_unique_and_of_a_known_kind(command: Command) -> None:
    options = (*options_of(GLOBAL_OPTIONS), *options_of(command.options))
    names = [option.name for option in options]

    assert len(set(names)) == len(names)
    assert all(option.kind in kinds._PARSERS for option in options)


@pytest.mark.parametrize("command", LEAVES, ids=name)
def test_what_is_shown_is_explained(command: Command) -> None:
    unexplained = [o for o in options_of(command.options) if not o.help and not o.deprecated]

    assert unexplained == []
    assert command.usage.startswith(command.leaf)
    assert command.short


@pytest.mark.parametrize(
    "option",
    {option for command in LEAVES for option in options_of(command.options) if option.check},
    ids=lambda option: option.name,
)
def test_a_check_is_a_function_that_exists(option: Option) -> None:
    module, _, path = option.check.partition(":")
    found = __import__(module, fromlist=["*"])
    for part in path.split("."):
        found = getattr(found, part)

    assert callable(found)


@pytest.mark.parametrize("command", [c for c in LEAVES if c.ready], ids=name)
def test_a_ready_command_has_its_handler(command: Command) -> None:
    module, _, function = command.handler.partition(":")

    found = __import__(f"rktpy.cli.commands.{module}", fromlist=[function])

    assert callable(getattr(found, function, None)), f"{command.handler} is missing"


ROOT_ONLY = {
    "run", "run-prepared", "prepare", "cp", "enter", "healthcheck", "gc", "rm", "attach",
    "app exec", "network check", "network reload",
}  # fmt: skip


def test_these_commands_are_for_root() -> None:
    assert {name(command) for command in LEAVES if command.root} == ROOT_ONLY


def test_these_commands_stop_reading_options_at_their_first_argument() -> None:
    stopping = {name(command) for command in LEAVES if command.grammar != "plain"}

    expected = {
        "run",
        "prepare",
        "fetch",
        "image fetch",
        "enter",
        "app add",
        "app exec",
        "generate unit",
    }
    assert stopping == expected
