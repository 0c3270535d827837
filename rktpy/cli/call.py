"""What a handler receives: one understood command line, and the two ways to speak."""

from __future__ import annotations

import os

from rktpy import log
from rktpy.errors import RktError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rktpy.cli.spec import Command
    from rktpy.verbs.site import Site


class OutputError(RktError):
    """Standard output takes no more: a full disk, a closed descriptor."""


class AppArgs:
    """One image of ``run``, ``prepare`` or ``fetch`` with what was given after it.

    ``args`` stood between ``--`` and ``---``; ``options`` has only the per-image options that
    were given (long name -> typed value, see ``rktpy.cli.kinds``).
    """

    __slots__ = ("args", "args_seen", "image", "options")

    def __init__(
        self, image: str, args: list[str] | None = None, options: dict[str, Any] | None = None
    ) -> None:
        self.image = image
        self.args = args if args is not None else []
        self.options = options if options is not None else {}
        self.args_seen = False  # a "--" came, perhaps with nothing after it

    def __repr__(self) -> str:
        return f"AppArgs({self.image!r}, {self.args!r}, {self.options!r})"


class Call:
    """One command to carry out. Every pod-wide option is in ``options``, defaults filled in.

    ``given`` names the options that stood on the command line. For commands with images, ``apps``
    is filled and ``args`` is empty. ``program`` is the name we were called by,
    ``typed`` the whole command line without the name of the command.
    """

    __slots__ = ("apps", "args", "command", "given", "options", "program", "site", "typed")

    def __init__(
        self,
        *,
        site: Site,
        command: Command,
        options: dict[str, Any],
        given: frozenset[str] = frozenset(),
        args: list[str] | None = None,
        apps: list[AppArgs] | None = None,
        program: str = "rktpy",
        typed: tuple[str, ...] = (),
    ) -> None:
        self.program = program
        self.typed = typed
        self.site = site
        self.command = command
        self.options = options
        self.given = given
        self.args = args if args is not None else []
        self.apps = apps if apps is not None else []

    def out(self, text: str) -> None:
        """Write ``text`` to stdout as one record: it ends in a newline, also when empty."""
        say(text)

    def err(self, text: str) -> None:
        """Write ``text`` to stderr as one record behind ``<leaf command>: ``."""
        line = f"{self.command.leaf}: {text}"
        log.write_line(line.removesuffix("\n"))

    def words(self, option: str, known: tuple[str, ...]) -> list[str]:
        """Return the comma-separated words of ``--option``, each one of ``known``, none twice.

        Raises:
            UsageError: another word, or one that is repeated.
        """
        from rktpy.cli.output import quote

        value: str = self.options[option]
        words = value.lower().split(",")
        for word in words:
            if word not in known:
                raise self.bad_value(option, value, f"unknown option {quote(word)}")
            if words.count(word) > 1:
                raise self.bad_value(option, value, f"duplicated option {quote(word)}")
        return words

    def bad_value(self, option: str, value: str, reason: str) -> UsageError:
        """Return the error for a value of ``--option`` that cannot be used; usage follows it."""
        from rktpy.cli.output import quote

        return UsageError(f"invalid argument {quote(value)} for --{option}: {reason}")


# What steers terminals (C0 but newline and tab, DEL, C1), as JSON writes it: some texts are JSON.
_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(9), *range(11, 32), *range(127, 160))}


def say(text: str) -> None:
    """``write`` a text, with a newline at its end and without what steers terminals."""
    if not text.isprintable():
        text = text.translate(_CONTROLS)
    line = text if text.endswith("\n") else text + "\n"
    write(line.encode("utf-8", "surrogateescape"))


def write(data: bytes) -> None:
    """Write ``data`` to stdout, unbuffered: nothing can be lost by an exec or a crash that follows.

    Raises:
        BrokenPipeError: the reader is gone.
        OutputError: it cannot be written for another reason.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(1, view) :]
        except BlockingIOError:
            # Somebody made the shared terminal or pipe non-blocking: wait for room.
            import select

            select.select((), (1,), ())
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError("cannot write to standard output") from error
