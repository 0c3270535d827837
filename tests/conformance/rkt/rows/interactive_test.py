"""Terminals and standard input of an app (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Entry, Image, Row, Run, Shown, run

_TERMINAL = "integration/run/test_terminal.py::test_an_app_reads_the_terminal"


def rows() -> list[Entry]:
    image = Run(run("{image}"), (Image(("--check-tty",)),))
    option = Run(run("{image}", "--", "--check-tty"), (Image(),))
    return [
        Row("no terminal", image, "stdin is not a terminal"),
        Row("no terminal, asked on the command line", option, "stdin is not a terminal"),
        Shown("a terminal", _TERMINAL),
        Shown("a terminal, asked on the command line", _TERMINAL),
        Shown("a line that is typed arrives", _TERMINAL),
    ]
