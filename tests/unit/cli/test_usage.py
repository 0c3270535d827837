"""The layout of usage texts (rkt-cli 1.5)."""

from __future__ import annotations

from rktpy.cli import front, walk
from rktpy.cli.spec import PROGRAM
from rktpy.cli.table import ROOT, subcommands
from rktpy.cli.usage import usage_text

NOTHING: dict[str, str] = {}


def text_of(line: str) -> str:
    command, _ = walk.find(line.split(), NOTHING)
    return usage_text(command, "rkt", NOTHING)


def headers(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("\t")]


def test_the_root_has_these_sections() -> None:
    assert headers(usage_text(ROOT, "rkt", NOTHING)) == [
        *("NAME:", "USAGE:", "VERSION:", "COMMANDS:", "OPTIONS:"),
    ]


def test_a_command_has_these_sections() -> None:
    assert headers(text_of("gc")) == [
        *("NAME:", "USAGE:", "DESCRIPTION:", "OPTIONS:", "GLOBAL OPTIONS:"),
    ]


def test_nested_commands_are_listed_with_their_group() -> None:
    text = usage_text(ROOT, "rkt", NOTHING)

    assert "\n\timage cat-manifest\tprint" in text
    assert "\timage\t" not in text
    assert "image fetch" not in text  # hidden
    assert "app add" not in text  # an experiment


def test_a_nested_command_shows_its_whole_name() -> None:
    text = text_of("image gc")

    assert text.startswith("NAME:\n\timage gc - ")
    assert "USAGE:\n\trkt image gc\n" in text


def test_options_show_their_defaults() -> None:
    text = text_of("run")

    assert "\n\t      --net[=default]\t" in text
    assert '\n\t      --pull-policy="new"\t' in text
    assert "\n\t      --inherit-env[=false]\t" in text
    assert "\n\t  -h, --help[=false]\t" in text
    assert "\n\t      --dir=/var/lib/rkt\t" in text
    assert "\n\t      --insecure-options=none\t" in text
    assert "\n\t      --grace-period=30m0s\t" in text_of("gc")


def test_hidden_and_deprecated_options_are_left_out() -> None:
    text = text_of("run")

    for name in ("--no-store", "--store-only", "--cap-retain", "--cpuprofile", "--stdin"):
        assert name not in text


def test_explanations_line_up() -> None:
    lines = [line for line in text_of("list").splitlines() if line.startswith("\t      --")]

    starts = {line.expandtabs(8).index(line.rpartition("\t")[2]) for line in lines[:3]}
    assert len(starts) == 1


def test_click_prints_the_same_text() -> None:
    command, _ = walk.find(["image", "list"], NOTHING)

    assert front.help_text(command, "rkt") == usage_text(command, "rkt")


def test_a_description_is_shown_as_written_with_the_name_of_the_program() -> None:
    commands = [ROOT, *subcommands(ROOT, NOTHING)]
    commands += [inner for group in commands[1:] for inner in subcommands(group, NOTHING)]
    for command in commands:
        text = usage_text(command, "rkt", NOTHING)
        assert command.long.replace(PROGRAM, "rkt") in text
        assert "{" not in text

    assert "source <(rkt completion bash)" in text_of("completion")
    assert "the unit escapes % and $" in text_of("generate unit")
