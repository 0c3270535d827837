"""Pages of strangers with discovery tags, and the addresses made of them."""

from __future__ import annotations

from rktpy.image.discovery import expand
from rktpy.image.metatags import parse_metas
from tests.fuzz.mutate import text
from tests.fuzz.target import Target

_WORDS = (
    b'<meta name="ac-discovery" content="example.com/app https://x/{name}-{version}-{os}.{ext}">',
    b"<META NAME='ac-discovery-pubkeys' CONTENT='example.com https://x/keys.gpg'/>",
    b"<!--", b"-->", b"<script>", b"</script>", b"<title>", b"<meta", b">", b"'", b'"', b"&amp;",
    b"&#x26;",
    b"&#" + b"9" * 5000 + b";", b"&#1114112;", b"{name}", b"{", b"}", b"{ext}", b"content=",
    b"name=",
)  # fmt: skip
_LABELS = {"version": "1", "os": "linux", "arch": "", "long": "x" * 5000}


def _run(data: bytes) -> None:
    for meta in parse_metas(data.decode("utf-8", "replace")):
        found = expand(meta.target, "example.com/app", _LABELS)
        assert found is None or len(found.image) <= 1 << 16


TARGET = Target(_run, lambda: [b"".join(_WORDS), *_WORDS], text(*_WORDS))
