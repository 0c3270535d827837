"""Which program is started, under which name (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import RUN_PREPARED, Image, Row, Run, run

_SAID = "inspect exceed as: "
_PRINT = ("--", "--print-exec")
_PLAIN, _NO_APP = Image(), Image(manifest={"app": None})


def rows() -> list[Row]:
    return [
        _ran("the image's own program", "/inspect\\s"),
        _ran("another program", "/inspect-link", "--exec", "/inspect-link"),
        _ran("a program on PATH", ".*inspect-link-bin", "--exec", "inspect-link-bin"),
        _ran("an image without app", "/inspect", "--exec", "/inspect", image=_NO_APP),
        _prepared("prepared: the image's own program", "/inspect\\s"),
        _prepared("prepared: another program", "/inspect-link", "--exec", "/inspect-link"),
    ]


def _ran(name: str, expect: str, *words: str, image: Image = _PLAIN) -> Row:
    return Row(name, Run(run("{image}", *words, *_PRINT), (image,)), _SAID + expect)


def _prepared(name: str, expect: str, *words: str) -> Row:
    prepare = ("prepare", "--insecure-options=image", "{image}", *words, *_PRINT)
    return Row(name, Run(RUN_PREPARED, (_PLAIN,), prepare=prepare), _SAID + expect)
