"""HTTP as rktpy speaks it, a thin layer over urllib3: redirects, proxies, TLS, patience.

The one place that opens network connections. Plain http needs a word each time, also behind a
redirect. Credentials go to the scheme, host and port they were
asked for, and over https only, unless the caller says that http will do.
Proxies come from ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``, further certificate
authorities from ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``. Cold: 70 ms to import.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from binascii import b2a_base64
from urllib.parse import unquote_to_bytes, urljoin, urlsplit, urlunsplit

import urllib3
from urllib3 import exceptions as broken

from rktpy.codec import quote
from rktpy.host.http.errors import HttpError, explain
from rktpy.host.http.patience import Patience, impatient
from rktpy.resource import Resource
from rktpy.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any
    from urllib.parse import SplitResult

    # What a request needs to be let in: method and URL → header fields.
    Authorize = Callable[[str, str], Mapping[str, str]]

MAX_REDIRECTS = 10
_LONGEST_PAUSE = 30.0  # of those a server asks for
_BUSY = frozenset({429, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Other spellings of these addresses are strangers: a name such as 127.example.com is.
_LOOPBACK = re.compile(r"localhost|::1|127(?:\.[0-9]{1,3}){3}")


class Response(Resource):
    """An answer whose body is still to be read. Header names are found in any letter case."""

    __slots__ = ("_raw", "headers", "status", "url")

    def __init__(self, raw: urllib3.BaseHTTPResponse, url: str) -> None:
        self._raw = raw
        self.status = raw.status
        self.headers: Mapping[str, str] = raw.headers
        self.url = url  # of the last hop, without credentials

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes of the body as they were sent, b"" at its end.

        Raises:
            HttpError: the connection broke or stalled, or the body is shorter than announced.
        """
        try:
            return self._raw.read1(size, decode_content=False)
        except (broken.HTTPError, OSError) as error:
            raise explain(error, self.url, begun=True) from None  # its text has the reason

    def body(self, limit: int) -> bytes:
        """Return the whole body. Errors as ``read``, and:

        Raises:
            HttpError: it is longer than ``limit`` bytes.
        """
        found = bytearray()
        while piece := self.read(1 << 16):
            found += piece
            if len(found) > limit:
                raise HttpError(f"the answer of {self.url} is larger than {limit} bytes")
        return bytes(found)

    def close(self) -> None:
        """Let the connection go; it is used again if the body was read to its end."""
        self._raw.close()
        self._raw.release_conn()


class Client(Resource):
    """Connections to any number of servers. May be used by several threads."""

    __slots__ = ("_context", "_managers", "_patience", "_verify_tls")

    def __init__(self, *, verify_tls: bool = True, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._verify_tls = verify_tls
        self._context: ssl.SSLContext | None = None
        self._managers: dict[tuple[str, bool], urllib3.PoolManager] = {}  # by proxy, https

    def request(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        authorize: Authorize | None = None,
        plain: bool = False,
        in_clear: bool = False,
    ) -> Response:
        """Return the answer to a request, whatever its status, after at most ten redirects.

        ``plain`` allows http, ``in_clear`` lets ``authorize`` speak there as well. A user and
        password in ``url`` are sent as basic auth, over https only. A server that is busy or
        breaks off is asked again, up to three times.

        Raises:
            HttpError: no answer, and why; too many redirects; http that is not allowed.
        """
        first, own = _without_user(url)
        allowed = own or authorize
        secure = own is not None or not in_clear
        here = first
        for _hop in range(MAX_REDIRECTS + 1):
            _check_scheme(here, plain=plain)
            fields = {"User-Agent": f"rktpy/{VERSION}", "Accept-Encoding": "identity"}
            fields |= headers or {}
            if allowed is not None and _may_know(here, first, secure=secure):
                fields |= allowed(method, here)
            answer = self._patiently(method, here, fields)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not target:
                return answer
            answer.close()
            here, _ignored = _without_user(_next(here, target))
        raise HttpError(f"too many redirects from {first}")

    def close(self) -> None:
        """Close all connections."""
        for manager in self._managers.values():
            manager.clear()
        self._managers.clear()

    def _patiently(self, method: str, url: str, fields: Mapping[str, str]) -> Response:
        for pause in self._patience.pauses:
            try:
                answer = self._once(method, url, fields)
                if answer.status not in _BUSY:
                    return answer
                pause = _asked_pause(answer, pause)
                answer.close()
            except HttpError as error:
                if not error.passing:
                    raise
            time.sleep(pause)
        return self._once(method, url, fields)

    def _once(self, method: str, url: str, fields: Mapping[str, str]) -> Response:
        try:
            raw = self._manager(urlsplit(url)).request(
                method,
                url,
                headers=fields,
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
            )
        except (broken.HTTPError, OSError, ValueError) as error:
            raise explain(error, url) from None
        return Response(raw, url)

    def _manager(self, url: SplitResult) -> urllib3.PoolManager:
        proxy, secure = _proxy_for(url), url.scheme == "https"
        if (proxy, secure) not in self._managers:
            self._managers[proxy, secure] = self._make(proxy, secure=secure)
        return self._managers[proxy, secure]

    def _tls(self) -> ssl.SSLContext:
        """Return how to talk over TLS; to read all authorities takes 15 ms, so not before."""
        if self._context is None:
            context = ssl.create_default_context()
            if not self._verify_tls:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                urllib3.disable_warnings(broken.InsecureRequestWarning)  # told in our own words
            self._context = context
        return self._context

    def _make(self, proxy: str, *, secure: bool) -> urllib3.PoolManager:
        patience = self._patience
        options: dict[str, Any] = {
            "timeout": urllib3.Timeout(connect=patience.connect, read=patience.stall),
            "maxsize": 8,
        }
        if proxy or secure:
            options["ssl_context"] = self._tls()
        if not proxy:
            return impatient(urllib3.PoolManager(**options), patience)
        address, own = _without_user(proxy)
        known = {f"Proxy-{name}": text for name, text in own("", "").items()} if own else None
        manager = urllib3.ProxyManager(address, proxy_headers=known, **options)
        return impatient(manager, patience)


def refuses_tls(host: str, patience: float) -> bool:
    """Return whether the server at ``host[:port]`` answers, but not in TLS.

    Only to spare a question whose answer is known: nobody is trusted for it, nothing is told. Who
    cannot be reached, or only through a proxy, has not refused. ``patience`` is seconds.
    """
    url = urlsplit(f"https://{host}")
    if _proxy_for(url):
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((url.hostname or "", url.port or 443), patience) as plain,
            context.wrap_socket(plain, server_hostname=url.hostname),
        ):
            return False
    except ssl.SSLError:
        return True
    except (OSError, ValueError):
        return False


def is_loopback(url: str) -> bool:
    """Return whether ``url`` names this machine, so that nobody on the way can change it."""
    return _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None


def without_user(url: str) -> str:
    """Return ``url`` without user and password, as it may be shown and stored."""
    return _without_user(url)[0]


def _without_user(url: str) -> tuple[str, Authorize | None]:
    if not url.isprintable():  # servers send such things, and we print them
        raise HttpError(f"invalid URL {quote(url)}")
    try:
        parts = urlsplit(url)
        _port = parts.port  # looked at here, so that nobody later meets a wrong one
    except ValueError as error:
        raise HttpError(f"invalid URL {quote(url)}: {error}") from None
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    secret = b2a_base64(unquote_to_bytes(user), newline=False).decode("ascii")

    def basic(_method: str, _url: str) -> Mapping[str, str]:
        return {"Authorization": f"Basic {secret}"}

    return urlunsplit(parts._replace(netloc=host)), basic


def _next(here: str, target: str) -> str:
    """Return where a redirect from ``here`` leads."""
    try:
        return urljoin(here, target)
    except ValueError as error:
        raise HttpError(f"invalid URL {quote(target)}: {error}") from None


def _may_know(here: str, first: str, *, secure: bool) -> bool:
    """Return whether credentials for ``first`` may be told to ``here``."""
    return _origin(here) == _origin(first) and (here.startswith("https:") or not secure)


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80}.get(parts.scheme, 443)


def _check_scheme(url: str, *, plain: bool) -> None:
    scheme = urlsplit(url).scheme
    if scheme == "https" or (scheme == "http" and plain):
        return
    if scheme == "http":
        raise HttpError(
            f"{url} is plain http, which anybody on the way can change",
            hint="if that is all right: --insecure-options=http",
        )
    raise HttpError(f"{url}: only http and https are supported")


def _proxy_for(url: SplitResult) -> str:
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return ""
    from urllib.request import getproxies, proxy_bypass  # 5 ms

    proxy = getproxies().get(url.scheme, "")
    if not proxy or is_loopback(url.geturl()) or proxy_bypass(url.netloc):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _asked_pause(answer: Response, otherwise: float) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_PAUSE) if text.isdecimal() else otherwise
