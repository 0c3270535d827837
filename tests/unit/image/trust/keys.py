"""Keys made in this process, which takes no time; those of GnuPG are for the integration tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pysequoia import SignatureMode, Tsk, sign

if TYPE_CHECKING:
    from pathlib import Path


class Signer:
    """A secret key and its public half as a file would hold it."""

    def __init__(self, user: str = "Signer <signer@example.com>", life: int | None = None) -> None:
        self._secret = Tsk.generate(user, validity_seconds=life)
        self.cert = self._secret.extract_certificate()
        self.public = str(self.cert).encode()
        self.fingerprint = self.cert.fingerprint.lower()

    def sign(self, data: bytes) -> bytes:
        """Return an armoured detached signature of ``data``."""
        return bytes(sign(self._secret.signer(), data, mode=SignatureMode.DETACHED))

    def revoked(self) -> bytes:
        """Return the public key with its revocation."""
        return bytes(self.cert) + bytes(self.cert.revoke(certifier=self._secret.certifier()))

    def trusted(self, config: Path, where: str) -> Path:
        """Put the key below ``trustedkeys`` of ``config`` by hand."""
        return store(config, where, self.fingerprint, self.public)


def store(config: Path, where: str, name: str, content: bytes) -> Path:
    """Write a key file; ``where`` is ``root.d`` or ``prefix.d/…``."""
    path = config / "trustedkeys" / where / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
