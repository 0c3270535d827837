"""A link of the test's own that stands for the host's network card, and what is asked over it."""

from __future__ import annotations

import http.client
import socket
import subprocess
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tests.support.inspect_image import inspect_binary
from tests.support.wires import ip

if TYPE_CHECKING:
    from tests.integration.run.rk import Running

HOST4, HOST6 = "192.0.2.1", "fd01::1"
_SECONDS = 20.0


class Uplink:
    """``up0`` with an address of each family, and the other end of its cable, until closed."""

    def __enter__(self) -> Self:
        ip("link", "add", "up0", "type", "veth", "peer", "name", "up1")
        ip("addr", "add", f"{HOST4}/24", "dev", "up0")
        ip("addr", "add", f"{HOST6}/64", "dev", "up0", "nodad")
        for link in ("up0", "up1"):
            ip("link", "set", link, "up")
        return self

    def __exit__(self, *_: object) -> None:
        ip("link", "delete", "up0")


def get(url: str) -> str:
    """Return what a server answers over http.

    Raises:
        OSError: there is none, or it does not answer.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port or 80, timeout=_SECONDS
    )
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().read().decode().strip()
    finally:
        connection.close()


def answers(url: str, pod: Running) -> str:
    """Return what ``url`` says once somebody listens, while ``pod`` runs."""

    def asked() -> str:
        try:
            return get(url)
        except (ConnectionError, http.client.RemoteDisconnected):
            return ""

    return pod.until(asked, f"answer of {url}")


class HostServer:
    """The inspect program on the host: answers one request with the host's name."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [inspect_binary(), f"--serve-http={self._address}"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert "serving on" in self._process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdout is not None
        self._process.kill()
        self._process.stdout.close()
        self._process.wait()


def host_name() -> str:
    return socket.gethostname()
