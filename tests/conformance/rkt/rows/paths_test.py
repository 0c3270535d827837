"""Files of the kernel that are read-only or hidden (rkt-cli.md 12.5).

rkt's tests take /proc/sysrq-trigger and /proc/kcore, which not every kernel has: the virtual
machine's has them. The rows that are run take their neighbours.
"""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, App, Entry, Image, Row, Run, Shown, both, one_pod, run

_PATH = "/proc/sys/kernel/core_pattern"


def rows() -> list[Entry]:
    shown = "vm/test_pod.py::test_files_of_the_kernel_are_hidden_or_read_only"
    itself = [Shown("/proc/sysrq-trigger itself", shown), Shown("/proc/kcore itself", shown)]
    return [*_not_written(), *_hidden(), *itself]


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
        owner = f"{path}: user: 0\\s(?s:.*){path}: group: 0\\s"
        return App(path, image, f"{path}: mode: {mode}(?s:.*){owner}")

    write = Image(("--write-file", "--file-name=/proc/kallsyms", "--content=x"))
    refused = "open /proc/kallsyms: read-only file system"
    seen = [
        app("/sys/firmware", "d---------"),
        app("/proc/kallsyms", "----------"),
        app("/dev/ptmx", "Dcrw-rw-rw-"),
    ]
    return [
        *one_pod(seen),
        Row("what is hidden is not written", Run(run("{image}"), (write,), FAILED), refused),
    ]
