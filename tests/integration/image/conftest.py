"""What the tests of fetching share: keys, a certificate authority, names that lead to loopback."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import NAMES, PATH, SIGNATURE, URL, Fetcher
from tests.support import command
from tests.support.aci_server import Authority, Server
from tests.support.images import build_aci
from tests.support.layouts import Layout
from tests.support.signing import Gpg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Keys:
    """Users of ``gpg`` and the files with their public keys, by short name."""

    def __init__(self, gpg: Gpg, directory: Path) -> None:
        self.gpg = gpg
        self._directory = directory
        self.fingerprints: dict[str, str] = {}
        now = datetime.now(UTC)
        self._add("key1")
        self._add("key2")
        self._add("expired", at=now - timedelta(days=9), life="2d")
        self._add("old", at=now - timedelta(days=9))
        self._add("short", "rsa1024")
        self._add("revoked")

    def _add(self, name: str, algorithm: str = "ed25519", **options: object) -> None:
        user = f"{name} <{name}@example.com>"
        self.fingerprints[name] = self.gpg.generate(user, algorithm, **options)  # type: ignore[arg-type]

    def user(self, name: str) -> str:
        return f"{name}@example.com"

    def file(self, name: str) -> Path:
        """Return a file with the public key as it is now."""
        return self.gpg.export(self.user(name), self._directory / f"{name}.gpg")

    def sign(self, name: str, path: Path, *options: str, **rest: object) -> Path:
        return self.gpg.sign(self.user(name), path, *options, **rest)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    with Gpg() as gpg:
        yield Keys(gpg, tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Path:
    return authority.certify(*NAMES, "127.0.0.1")


@pytest.fixture
def server(_own_namespaces: None, tmp_path: Path, certificate: Path) -> Iterator[Server]:
    """An https server at port 443 of all ``NAMES``."""
    hosts = tmp_path / "hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in (*NAMES, "localhost")))
    command.run(["mount", "--bind", str(hosts), "/etc/hosts"])
    with Server(tmp_path / "served", 443, certificate) as running:
        yield running
    command.run(["umount", "/etc/hosts"])


@pytest.fixture
def rkt(_own_namespaces: None, tmp_path: Path, authority: Authority) -> Fetcher:
    return Fetcher(tmp_path / "rkt", authority.file)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "layout")


@pytest.fixture
def aci(tmp_path: Path) -> Path:
    """An unsigned image ``example.com/app``, version 1.2.0."""
    labels = {"version": "1.2.0", "os": "linux", "arch": os.uname().machine}
    labels["arch"] = {"x86_64": "amd64"}.get(labels["arch"], labels["arch"])
    path = tmp_path / "app.aci"
    return build_aci(path, labels=labels, files={"/data": os.urandom(300_000)}, compression="gzip")


@pytest.fixture
def url(rkt: Fetcher, server: Server, keys: Keys, aci: Path) -> str:
    """A signed image at ``URL``, whose key is trusted."""
    server.put(PATH, aci)
    server.put(SIGNATURE, keys.sign("key1", aci))
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    return URL
