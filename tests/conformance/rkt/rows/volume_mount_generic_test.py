"""Two mounts at one path (rkt-cli.md 12.4)."""

from __future__ import annotations

from tests.conformance.rkt.row import Image, Row, Run, run


def rows() -> list[Row]:
    words = (
        *("--volume=first,kind=host,source={other}", "--mount=volume=first,target=/mnt"),
        *("--volume=second,kind=host,source={host}", "--mount=volume=second,target=/mnt/"),
        *("{image}", "--", "--read-file", "--file-name=/mnt/file"),
    )
    return [Row("the first of two mounts wins", Run(run(*words), (Image(),)), "<<<other>>>")]
