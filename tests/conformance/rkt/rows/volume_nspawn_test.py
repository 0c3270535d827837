"""Volumes on /sys (rkt-cli.md 12.4)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Image, Row, Run, run


def rows() -> list[Row]:
    def row(name: str, expect: str, *options: str, status: int = 0) -> Row:
        words = run("--set-env=FILE=/sys/class", *options, "{image}", "--exec", "/inspect", "--",
                    "--stat-file")  # fmt: skip
        return Row(name, Run(("--debug", *words), (Image(),), status), expect)

    def volume(what: str, target: str) -> tuple[str, str]:
        return f"--volume=v,{what}", f"--mount=volume=v,target={target}"

    there = "/sys/class: mode: drwxr-xr-x"
    return [
        row("no volume", there),
        row("an empty one on /sys", "stat /sys/class: no such file or directory",
            *volume("kind=empty", "/sys"), status=FAILED),
        row("the host's /sys", there, *volume("kind=host,source=/sys", "/sys")),
        row("a device on /sys/class", "/sys/class: mode: Dcrw-rw-rw-",
            *volume("kind=host,source=/dev/null", "/sys/class")),
    ]  # fmt: skip
