"""OpenPGP keys and signatures: the library is Rust's, and must neither panic nor end us."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rktpy.image.trust.openpgp import has_issuer, issuers, read_key, verify
from tests.fuzz.mutate import text
from tests.fuzz.target import Target
from tests.fuzz.tars import in_memory

if TYPE_CHECKING:
    from rktpy.image.trust.openpgp import PublicKey

_FILES = Path(__file__).parents[1] / "seeds"
_NAME = "example.com/app"
_CONTENT = b"an image"


def _file(name: str) -> bytes:
    """Return a key, or a signature of ``_CONTENT`` by it; nobody has its other half any more."""
    return (_FILES / f"openpgp-{name}").read_bytes()


@cache
def _known() -> tuple[bytes, PublicKey]:
    return _file("signature"), read_key(_file("key"))


def _seeds() -> list[bytes]:
    return [
        *(_file(name) for name in ("key", "key-binary", "key-revoked", "signature")),
        _file("signature") * 2,
        b"-----BEGIN PGP SIGNATURE-----\n\n=aaaa\n-----END PGP SIGNATURE-----\n",
        # Of every kind of packet the head, in the old and in the new format.
        *(bytes([0x80 | tag << 2, 6]) + b"\x04\0\0\0\0\x01" for tag in range(1, 16)),
        *(bytes([0xC0 | tag, 6]) + b"\x06\0\0\0\0\x01" for tag in range(1, 64)),
    ]


def _run(data: bytes) -> None:
    image = in_memory(_CONTENT)
    signature, trusted = _known()
    try:
        try:
            key = read_key(data)
        except Exception:
            verify(data, image, [trusted], _NAME)
            issuers(data)
            raise
        has_issuer(key, ["a"])
        verify(signature, image, [key], _NAME)
    finally:
        os.close(image)


TARGET = Target(_run, _seeds, text(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", b"\x99\x01\x0d\x04"))
