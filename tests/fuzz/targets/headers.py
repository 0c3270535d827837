"""Header fields of servers: who wants to know who asks, and how long an answer holds."""

from __future__ import annotations

from rktpy.image.download import max_age
from rktpy.image.layered.challenges import parse_challenges
from tests.fuzz.mutate import text
from tests.fuzz.target import Target

_WORDS = (
    b'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull"',
    b'Basic realm="x\\"y"', b"Negotiate", b"max-age=60, no-cache", b"no-store",
    b"max-age=" + b"9" * 5000,
    b'max-age="1"', b",", b"a=b,", b'"', b"\\",
)  # fmt: skip


def _run(data: bytes) -> None:
    header = data.decode("latin-1")  # as http.client has it
    for challenge in parse_challenges(header):
        challenge.parameter("realm")
    assert 0 <= max_age(header) <= 1 << 31


TARGET = Target(_run, lambda: _WORDS, text(*_WORDS))
