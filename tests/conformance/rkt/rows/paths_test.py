"""Files of the kernel that are read-only or hidden (rkt-cli.md 12.5).

Where rkt's tests take /proc/sysrq-trigger and /proc/kcore, these take their neighbours
/proc/sys/kernel/core_pattern and /proc/kallsyms: not every kernel has the former.
"""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, App, Image, Row, both, one_pod

_PATH = "/proc/sys/kernel/core_pattern"


def rows() -> list[Row]:
    return [*_not_written(), *_hidden()]


def _not_written() -> list[Row]:
    image = Image(("--write-file", f"--file-name={_PATH}", "--content=core"))
    expect = f"open {_PATH}: read-only file system"
    return [
        row
        for insecure in ("image", "image,ondisk,capabilities", "all-fetch")
        for row in both(f"not written with {insecure}", ["{image}"], [image], expect,
                        status=FAILED, insecure=insecure)
    ]  # fmt: skip


def _hidden() -> list[Row]:
    def app(path: str, mode: str) -> App:
        image = Image(("--stat-file", f"--file-name={path}"))
        return App(path, image, f"{path}: mode: {mode}(?s:.*){path}: user: 0\\s")

    return one_pod(
        [
            app("/sys/firmware", "d---------"),
            app("/proc/kallsyms", "----------"),
            app("/dev/ptmx", "Dcrw-rw-rw-"),
        ]
    )
