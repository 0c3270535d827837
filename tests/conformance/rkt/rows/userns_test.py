"""Files of an app in a user namespace (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Image, Row, Run, run


def rows() -> list[Row]:
    return [
        _row(path, options, group)
        for path, group in (("/", "0"), ("/proc/1/root/", r"\d+"))
        for options in (("--private-users", "--no-overlay"), ("--no-overlay",))
    ]


def _row(path: str, options: tuple[str, ...], group: str) -> Row:
    image = Image(("--stat-file", f"--file-name={path}"))
    look = ("--caps-retain=CAP_SYS_PTRACE",)  # what /proc/1/root asks for
    ran = Run(("--debug", *run(*options, "{image}", *look)), (image,))
    expect = rf"{path}: mode: drwxr-xr-x(?s:.*){path}: user: 0(?s:.*){path}: group: {group}\s"
    return Row(f"{path} with {' '.join(options)}", ran, expect)
