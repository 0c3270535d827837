"""Debian's ``docker-registry`` on loopback, ended with the ``with`` block."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Self

from tests.support import command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.tokens import Tokens

# user:secret, made by: htpasswd -Bbn -C 5 user secret
_LOGIN = "user:$2y$05$2VV/U4gmU.cNwxX.GHYNmer3lkhiCun7oz8jgfSWPqk/iwcvY5GO2"
_PATIENCE = 30.0  # seconds; only a registry that does not start takes so long


class Registry:
    """A registry at ``host``; with ``certificate`` (key and certificate) it speaks TLS, with
    ``login`` it lets in only ``user`` with the password ``secret``, with ``tokens`` whoever has a
    token of it that was given out at the URL ``realm``. ``data`` is its storage if that is not
    below ``directory``; with ``readonly`` nothing is pushed to it.
    """

    def __init__(
        self,
        directory: Path,
        *,
        host: str = "127.0.0.1:5000",
        certificate: Path | None = None,
        login: bool = False,
        tokens: Tokens | None = None,
        realm: str = "",
        data: Path | None = None,
        readonly: bool = False,
    ) -> None:
        self.host = host
        self.data = data or directory / "registry"
        self.log = directory / "registry.log"
        self._file = directory / "registry.json"
        self._login = login
        (directory / "htpasswd").write_text(_LOGIN + "\n")
        http: dict[str, object] = {"addr": f"0.0.0.0:{host.rpartition(':')[2]}", "secret": "x"}
        if certificate is not None:
            http["tls"] = {"certificate": str(certificate), "key": str(certificate)}
        storage: dict[str, object] = {"filesystem": {"rootdirectory": str(self.data)}}
        if readonly:
            storage["maintenance"] = {"readonly": {"enabled": True}}
        config: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "debug"},  # tells of requests as they come in,
            "storage": storage,
            "http": http,
        }
        if login:
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(directory / "htpasswd")}}
        if tokens is not None:
            who = {"realm": realm, "service": tokens.SERVICE, "issuer": tokens.ISSUER}
            config["auth"] = {"token": who | {"rootcertbundle": str(tokens.certificate)}}
        self._file.write_text(json.dumps(config))  # YAML as well

    def push(self, source: str, name: str, *options: str) -> None:
        """Copy an image to ``name``; ``source`` and ``options`` as skopeo has them."""
        creds = ["--dest-creds=user:secret"] if self._login else []
        words = ["skopeo", "copy", "-q", "--dest-tls-verify=false", *creds, *options]
        command.run([*words, source, f"docker://{self.host}/{name}"])

    def asked(self, text: str) -> int:
        """Return how many requests have ``text`` in their log line.

        Those that came in: of an answer the log tells only after somebody has got all of it.
        """
        lines = self.log.read_text(errors="replace").splitlines()
        came = [line for line in lines if 'msg="authorizing request"' in line]
        return sum(text in line and "http.request.method=GET" in line for line in came)

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", str(self._file)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + _PATIENCE
        port = int(self.host.rpartition(":")[2])
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return self
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.__exit__()
                    raise AssertionError(self.log.read_text(errors="replace")) from None
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
