"""How failures read (rkt-cli 2)."""

from __future__ import annotations

import errno
import os

import pytest

from rktpy.cli.call import OutputError
from rktpy.cli.errors import describe, describe_bug
from rktpy.errors import RktError


def chain(*messages: str, hint: str | None = None) -> RktError:
    """Build an error whose causes are ``messages``, outermost first and with the hint."""
    error: RktError | None = None
    for at, message in reversed(list(enumerate(messages))):
        outer = RktError(message, hint=hint if at == 0 else None)
        outer.__cause__ = error
        error = outer
    assert error is not None
    return error


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (("one",), "rm: one"),
        (("one", "two"), "rm: one: two"),
        (("one", "two", "three"), "rm: one: three"),
        (("", "two", "three"), "rm: three"),
    ],
)
def test_users_see_the_first_message_and_the_innermost_cause(
    messages: tuple[str, ...], text: str
) -> None:
    assert describe("rm", chain(*messages), debug=False) == text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_what_makes_room(number: int) -> None:
    error = chain("cannot store")
    error.__cause__ = OSError(number, os.strerror(number))
    room = "(make room; in the data directory with: rktpy image gc; rktpy gc)"

    assert describe("fetch", error, debug=False).endswith(f"{os.strerror(number)[1:]} {room}")
    assert describe("fetch", OSError(errno.EIO, "x"), debug=False) == "fetch: x"


def test_a_full_disk_behind_stdout_is_not_ours() -> None:
    error = OutputError("cannot write to standard output")
    error.__cause__ = OSError(errno.ENOSPC, "No space")

    assert describe("list", error, debug=False).endswith(": no space")


def test_debug_shows_the_ladder() -> None:
    error = chain("the accompanying message", "first", "second")

    text = describe("prefix", error, debug=True)

    assert text == "prefix: the accompanying message\n  └─first\n    └─second"


def test_debug_shows_the_ladder_without_a_message_of_its_own() -> None:
    assert describe("prefix", chain("", "first", "second"), debug=True) == (
        "prefix: \n  └─first\n    └─second"
    )


def test_the_next_command_to_try_comes_last() -> None:
    error = chain("no image", "not found", hint="fetch it first")

    assert describe("run", error, debug=False) == "run: no image: not found (fetch it first)"


def test_a_system_error_names_the_file_and_speaks_lower_case() -> None:
    error = RktError("cannot open store")
    error.__cause__ = PermissionError(13, "Permission denied", "/var/lib/rkt")

    assert describe("list", error, debug=False) == (
        "list: cannot open store: /var/lib/rkt: permission denied"
    )


def test_the_same_text_is_not_said_twice() -> None:
    assert describe("rm", chain("gone", "gone"), debug=False) == "rm: gone"


def test_a_bug_is_one_line_that_says_where_to_take_it() -> None:
    text = describe_bug("list", KeyError("x\ny"), debug=False)

    assert text.startswith("list: internal error: KeyError: ")
    assert "--debug" in text
    assert "\n" not in text


def test_debug_shows_where_a_bug_is() -> None:
    try:
        os.environ["RKTPY_NO_SUCH_VARIABLE"]
    except KeyError as error:
        text = describe_bug("list", error, debug=True)

    assert text.startswith("Traceback")
    assert text.endswith("KeyError: 'RKTPY_NO_SUCH_VARIABLE'")


def test_a_word_without_end_does_not_fill_the_terminal() -> None:
    text = describe(
        "fetch", chain("no such type: " + "x" * 100_000, hint="y" * 100_000), debug=True
    )

    assert len(text) < 10_000
