"""``rktpy`` with nothing waived: it verifies what it fetches, from servers of the test."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from tests.integration.run.rk import COMMAND, Done, Rktpy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.run.rk import Arg

URL = "https://example.com/dir/app.aci"
PATH, SIGNATURE = "/dir/app.aci", "/dir/app.aci.asc"
NAMES = ("example.com", "cdn.example.com", "example.org")  # all lead to 127.0.0.1


class Fetcher(Rktpy):
    """``rktpy`` on a data directory and two configuration directories of the test."""

    def __init__(self, home: Path, authority: Path) -> None:
        super().__init__(home / "data")
        self.local, self.system = home / "etc", home / "usr"
        self._authority = authority

    def argv(self, *args: Arg) -> list[str]:
        where = [f"--local-config={self.local}", f"--system-config={self.system}"]
        return [str(COMMAND), f"--dir={self.data}", *where, *[os.fspath(arg) for arg in args]]

    def __call__(
        self, *args: Arg, env: Mapping[str, str] | None = None, given: bytes = b""
    ) -> Done:
        return super().__call__(*args, env={**self.environment, **(env or {})}, given=given)

    @property
    def environment(self) -> dict[str, str]:
        return {"SSL_CERT_FILE": str(self._authority)}

    def trust(self, key: Path, *where: str) -> str:
        """Trust a key without review, for ``--root`` or ``--prefix=…``."""
        return self.ok("trust", "--skip-fingerprint-review", *where, key)

    def configure(
        self, name: str, content: str, *, system: bool = False, directory: str = "auth.d"
    ) -> Path:
        """Write a configuration file."""
        path = (self.system if system else self.local) / directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def images(self) -> list[str]:
        """Return the names of the stored images."""
        return self.ok("image", "list", "--no-legend", "--fields=name").split()

    def partials(self) -> list[str]:
        """Return what of downloads lies around."""
        return sorted(p.name for p in (self.data / "cas/download").rglob("*"))


def page(*metas: str) -> str:
    """Return a discovery page with these tags."""
    return f"<!DOCTYPE html><html><head>{''.join(metas)}</head></html>"


def images_at(prefix: str, url: str) -> str:
    return f'<meta name="ac-discovery" content="{prefix} {url}">'


def keys_at(prefix: str, url: str) -> str:
    return f'<meta name="ac-discovery-pubkeys" content="{prefix} {url}">'


def auth_file(kind: str, credentials: Mapping[str, str], *domains: str) -> str:
    """Return a file for ``auth.d``; without ``domains`` it is for example.com."""
    said = {
        "rktKind": "auth",
        "rktVersion": "v1",
        "domains": list(domains or NAMES[:1]),
        "type": kind,
        "credentials": dict(credentials),
    }
    return json.dumps(said)


def token_file(token: str) -> str:
    """Return a file for ``auth.d`` with a bearer token for example.com."""
    return auth_file("oauth", {"token": token})
