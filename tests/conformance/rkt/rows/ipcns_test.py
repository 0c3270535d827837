"""Whose IPC namespace a pod has (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Image, Row, Run, run


def rows() -> list[Row]:
    def ran(*options: str, status: int = 0) -> Run:
        return Run(run(*options, "{image}"), (Image(("--print-ipcns",)),), status)

    own, host = r"IPCNS: ipc:\[\d+\]", "IPCNS: {ipc}"
    wrong = "--ipc=supercalifragilisticexpialidocious"
    return [
        Row("private when not said", ran(), own, refuse=host),
        Row("auto is private", ran("--ipc=auto"), own, refuse=host),
        Row("private", ran("--ipc=private"), own, refuse=host),
        Row("the parent's", ran("--ipc=parent"), host),
        Row("another word", ran(wrong, status=FAILED), refuse="IPCNS"),
    ]
