"""Tokens as a registry wants them from the one it sends people to: signed JSON (RFC 7519)."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from typing import TYPE_CHECKING, ClassVar

from tests.support import command

if TYPE_CHECKING:
    from pathlib import Path


class Tokens:
    """Whoever gives out tokens; a registry trusts its ``certificate``."""

    SERVICE: ClassVar[str] = "the registry"
    ISSUER: ClassVar[str] = "the token server"

    def __init__(self, directory: Path) -> None:
        self._key, self.certificate = directory / "tokens.key", directory / "tokens.crt"
        files = ("-keyout", str(self._key), "-out", str(self.certificate))
        what = ("-subj", "/CN=tokens", "-days", "2", "-nodes")
        command.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *what, *files])

    def give(self, repository: str) -> str:
        """Return a token with which ``repository`` may be pulled for an hour."""
        der = ["openssl", "x509", "-in", str(self.certificate), "-outform", "DER"]
        chain = [base64.b64encode(self._openssl(der)).decode()]
        now = int(time.time())
        access = {"type": "repository", "name": repository, "actions": ["pull"]}
        claims = {
            "iss": self.ISSUER, "sub": "user", "aud": self.SERVICE, "jti": "1",
            "iat": now, "nbf": now - 60, "exp": now + 3600, "access": [access],
        }  # fmt: skip
        head = {"typ": "JWT", "alg": "RS256", "x5c": chain}
        said = b".".join(_encode(json.dumps(part).encode()) for part in (head, claims))
        sign = ["openssl", "dgst", "-sha256", "-sign", str(self._key)]
        return b".".join([said, _encode(self._openssl(sign, said))]).decode()

    def _openssl(self, argv: list[str], given: bytes = b"") -> bytes:
        return subprocess.run(argv, input=given, stdout=subprocess.PIPE, check=True).stdout


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
