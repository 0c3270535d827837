"""JSON: what is understood is written so that it is understood again, and as Python does."""

from __future__ import annotations

import json

from rktpy import codec
from tests.fuzz.mutate import stretch_json, structured
from tests.fuzz.target import Target
from tests.support.manifests import broken_manifests


def _seeds() -> list[bytes]:
    texts = (b'{"a": [1, -2.50, 1e400, "\\u003c\\ud83d\\ude00", true, null]}', b'[{"":{}}]', b" 1 ")
    return [*texts, *(one.raw for one in broken_manifests() if len(one.raw) < 4096)]


def _run(data: bytes) -> None:
    value = codec.parse(data)
    codec.repeated_keys(data)
    for write in (codec.compact, codec.pretty):
        text = write(value)
        assert codec.compact(codec.parse(text)) == codec.compact(value)
    json.loads(data)


TARGET = Target(_run, _seeds, structured(("a", "b", "<>&")), stretch_json)
