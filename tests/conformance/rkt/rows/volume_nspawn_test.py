"""Volumes on /sys (rkt-cli.md 12.4)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Image, Row, Run, run


def rows() -> list[Row]:
    def row(name: str, expect: str, point: str = "", source: str = "", status: int = 0) -> Row:
        app = {"mountPoints": [{"name": "sysdir", "path": point}]} if point else {}
        volume = (f"--volume=sysdir,kind=host,source={source},readOnly=false",) if source else ()
        words = run("--set-env=FILE=/sys/class", *volume, "{image}", "--exec", "/inspect", "--",
                    "--stat-file")  # fmt: skip
        return Row(name, Run(("--debug", *words), (Image(app=app),), status), expect)

    there = "/sys/class: mode: drwxr-xr-x"
    return [
        row("no volume", there),
        row("an empty one on /sys", "stat /sys/class: no such file or directory",
            "/sys", status=FAILED),
        row("the host's /sys", there, "/sys", "/sys"),
        row("a device on /sys/class", "/sys/class: mode: Dcrw-rw-rw-", "/sys/class", "/dev/null"),
    ]  # fmt: skip
