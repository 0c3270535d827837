"""How soon an app is killed when memory is short (rkt-cli.md 12.5); four apps in one pod."""

from __future__ import annotations

from typing import Any

from tests.conformance.rkt.row import App, Image, Row, one_pod

_READ = ("--read-file", "--file-name=/proc/self/oom_score_adj")


def rows() -> list[Row]:
    return one_pod(
        [
            App("of the image", _image(99), "<<<99"),
            # 0 on a machine that may not lower it itself (no CAP_SYS_RESOURCE in a container).
            App("of the image, negative", _image(-50), "<<<(-50|0)"),
            App("nothing said", _image(), "<<<0"),
            App("by option", _image(), "<<<42", ("--oom-score-adj", "42")),
        ]
    )


def _image(value: int | None = None) -> Image:
    isolators: list[dict[str, Any]] = []
    if value is not None:
        isolators = [{"name": "os/linux/oom-score-adj", "value": value}]
    return Image(_READ, app={"isolators": isolators})
