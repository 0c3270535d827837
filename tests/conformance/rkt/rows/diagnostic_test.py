"""Programs that cannot be started say why (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Image, Row, Run, run

_MISSING = "No such file or directory"


def rows() -> list[Row]:
    def row(name: str, expect: str, *words: str) -> Row:
        return Row(name, Run(run(*words), (Image(),), None), f'Error: Unable to open "{expect}')

    host_bin = ("--volume=host-bin,kind=host,source=/bin/",
                "--mount=volume=host-bin,target=/var/host-bin")  # fmt: skip
    return [
        row("a missing program", f'/foo-not-there": {_MISSING}', "{image}",
            "--exec=/foo-not-there"),
        row("a missing program with arguments", f'/foo-not-there": {_MISSING}', "{image}",
            "--exec=/foo-not-there", "--", "arg1", "arg2"),
        row("a missing program with a blank", f'/foo-not-there X": {_MISSING}', "{image}",
            "--exec=/foo-not-there X", "--", "arg1", "arg2"),
        row("a program whose loader is missing", f'.*lib.*\\.so\\.\\d": {_MISSING}', *host_bin,
            "{image}", "--exec=/var/host-bin/ls"),
    ]  # fmt: skip
