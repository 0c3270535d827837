"""OpenPGP keys and signatures: the library is Rust's, and must neither panic nor end us."""

from __future__ import annotations

import os
from functools import cache

from rktpy.image.trust.openpgp import has_issuer, issuers, read_key, verify
from tests.fuzz.mutate import text
from tests.fuzz.target import Target
from tests.fuzz.tars import in_memory
from tests.unit.image.trust.keys import Signer

_NAME = "example.com/app"
_CONTENT = b"an image"


class _Vouching:
    """A key, and a signature that it made."""

    def __init__(self) -> None:
        self.signer = Signer()
        self.signature = self.signer.sign(_CONTENT)
        self.key = read_key(self.signer.public)


@cache
def _vouching() -> _Vouching:
    return _Vouching()


def _seeds() -> list[bytes]:
    signer, signature = _vouching().signer, _vouching().signature
    return [
        signer.public,
        bytes(signer.cert),
        signer.revoked(),
        signature,
        signature + signature,
        b"-----BEGIN PGP SIGNATURE-----\n\n=aaaa\n-----END PGP SIGNATURE-----\n",
        # Of every kind of packet the head, in the old and in the new format.
        *(bytes([0x80 | tag << 2, 6]) + b"\x04\0\0\0\0\x01" for tag in range(1, 16)),
        *(bytes([0xC0 | tag, 6]) + b"\x06\0\0\0\0\x01" for tag in range(1, 64)),
    ]


def _run(data: bytes) -> None:
    image = in_memory(_CONTENT)
    known = _vouching()
    try:
        try:
            key = read_key(data)
        except Exception:
            verify(data, image, [known.key], _NAME)
            issuers(data)
            raise
        has_issuer(key, ["a"])
        verify(known.signature, image, [key], _NAME)
    finally:
        os.close(image)


TARGET = Target(_run, _seeds, text(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", b"\x99\x01\x0d\x04"))
