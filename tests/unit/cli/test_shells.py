"""Completion: the scripts and what they are answered."""

from __future__ import annotations

import os

import pytest

from rktpy.cli.shells import suggest
from tests.unit.cli.desk import bare, here

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"


def offered(*words: str) -> list[str]:
    """What is offered in place of the last word."""
    return [item.value for item in suggest(list(words[:-1]), words[-1], "rktpy")]


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("st",), ["status", "stop"]),
        (("image", "e"), ["export", "extract"]),
        (("--debug", "image", "e"), ["export", "extract"]),
        (("list", "--f"), ["--fields", "--format", "--full"]),
        (("list", "--format", ""), ["json", "json-pretty"]),
        (("list", "--format=json-"), ["--format=json-pretty"]),
        (("list", "--format", "=", "json-"), ["json-pretty"]),  # as bash breaks it
        (("list", "--format", "="), ["json", "json-pretty"]),
        (("run", "A", "--pull-policy", "ne"), ["new", "never"]),
        (("run", "A", "--na"), ["--name"]),
        (("completion", "f"), ["fish"]),
        (("nosuch", ""), []),
        (("fetch", "--no-s"), []),  # deprecated
    ],
)
def test_these_words_are_offered(words: tuple[str, ...], values: list[str]) -> None:
    assert offered(*words) == values


def test_live_pods_are_offered(tmp_path: object) -> None:
    os.makedirs(f"{tmp_path}/pods/run/{UUID}")

    assert offered(f"--dir={tmp_path}", "status", "0f") == [UUID]
    assert offered(f"--dir={tmp_path}", "status", UUID, "") == []


def test_only_running_pods_are_offered_where_others_are_useless(tmp_path: object) -> None:
    os.makedirs(f"{tmp_path}/pods/prepared/{UUID}")

    assert offered(f"--dir={tmp_path}", "stop", "") == []


def test_files_are_left_to_the_shell() -> None:
    (item,) = suggest(["status", "--uuid-file"], "x", "rktpy")

    assert (item.value, item.type) == ("x", "file")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("program", ["rktpy", "rkt"])
def test_a_script_calls_the_program_back(shell: str, program: str) -> None:
    result = here("completion", shell, program=program)

    assert result.returncode == 0
    assert "_RKTPY_COMPLETE=" in result.stdout
    assert program in result.stdout


def test_a_callback_is_answered_on_stdout() -> None:
    env = {"_RKTPY_COMPLETE": "bash_complete", "COMP_WORDS": "rkt image e", "COMP_CWORD": "2"}

    result = bare(env=env)

    assert result.returncode == 0
    assert result.stdout.splitlines() == ["plain,export", "plain,extract"]


@pytest.mark.parametrize("instruction", ["", "bash", "tcsh_complete", "bash_source"])
def test_nonsense_is_not_answered(instruction: str) -> None:
    result = bare(env={"_RKTPY_COMPLETE": instruction})

    assert (result.returncode, result.stdout) == (1, "")
