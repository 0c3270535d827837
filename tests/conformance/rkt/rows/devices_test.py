"""Which devices an app can make and use (rkt-cli.md 12.5)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Image, Row, Run, run

_LOOP = (
    "--volume=loopcontrol,kind=host,source=/dev/loop-control",
    "--mount=volume=loopcontrol,target=/tmp/loop-control",
)


def rows() -> list[Row]:
    return [*_made(), *_used()]


def _mknod(device: str, *options: str, insecure: str = "image", status: int = 0) -> Run:
    words = (f"--insecure-options={insecure}", *options, "{image}", "--exec=/inspect", "--",
             f"--check-mknod={device}")  # fmt: skip
    return Run(("--debug", *run(*words)), (Image(),), status)


def _made() -> list[Row]:
    null, ptmx, loop = "c:1:3:/null", "c:5:2:/ptmx", "c:10:237:/loop-control"
    return [
        Row("null", _mknod(null), "mknod /null: succeed"),
        Row("ptmx", _mknod(ptmx, status=FAILED), "mknod /ptmx: fail"),
        Row("loop-control", _mknod(loop, status=FAILED), "mknod /loop-control: fail"),
        Row("loop-control without protected paths", _mknod(loop, insecure="image,paths"),
            "mknod /loop-control: succeed"),
        Row("ptmx with a volume, without protected paths",
            _mknod(ptmx, *_LOOP, insecure="image,paths"), "mknod /ptmx: succeed"),
    ]  # fmt: skip


def _used() -> list[Row]:
    path = "/tmp/loop-control"
    words = run(*_LOOP, "{image}", "--exec=/inspect", "--", "--read-file", f"--file-name={path}")
    expect = f'Cannot read file "{path}": read {path}: invalid argument'
    return [Row("a device that is a volume", Run(words, (Image(),), FAILED), expect)]
