"""Images for other machines are refused (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import FAILED, Image, Row, Run, run

_CASES = (
    ("both labels", {"os": "linux", "arch": "amd64"}, "HelloWorld", 0),
    ("no os", {"arch": "amd64"}, "missing os label in the image manifest", FAILED),
    ("no arch", {"os": "linux"}, "missing arch label in the image manifest", FAILED),
    ("another os", {"os": "freebsd", "arch": "amd64"}, 'bad os "freebsd"', FAILED),
)


def rows() -> list[Row]:
    return [
        Row(name + how, Run(run(word), (_image(labels),), status), expect)
        for name, labels, expect, status in _CASES
        for how, word in (("", "{image}"), (", fetched before", "{id}"))
    ]


def _image(labels: dict[str, str]) -> Image:
    pairs = [{"name": key, "value": value} for key, value in labels.items()]
    return Image(("--print-msg=HelloWorld",), manifest={"labels": pairs})
