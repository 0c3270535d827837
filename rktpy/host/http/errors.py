"""Why a server gave no answer, in words that say what to do."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

from urllib3 import exceptions as broken

from rktpy.errors import RktError


class HttpError(RktError):
    """No answer, or not a whole one. ``passing``: another try may help."""

    def __init__(self, message: str, *, hint: str | None = None, passing: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.passing = passing


def explain(error: Exception, url: str, *, begun: bool = False) -> HttpError:
    """Return what ``error`` of urllib3 or a socket, met at ``url``, means to a user.

    ``begun``: the answer had begun to arrive.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    if isinstance(error, broken.ProxyError):
        inner = explain(error.original_error, url)
        return HttpError(
            f"the proxy for {host} does not serve us: {inner.message}",
            hint="see HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment",
        )
    if isinstance(error, (broken.SSLError, ssl.SSLError)):
        return _untrusted(error, host)
    if isinstance(error, broken.NameResolutionError):
        return HttpError(f"cannot find the host {host}", hint="is its name right, is DNS working?")
    if isinstance(error, broken.NewConnectionError):
        reason = _reason(error)
        return HttpError(f"cannot connect to {host}: {reason}", hint="is the server running?")
    if isinstance(error, (broken.ConnectTimeoutError, broken.ReadTimeoutError, TimeoutError)):
        what = "has stopped sending" if begun else "does not answer"
        return HttpError(f"{host} {what}", hint="try again later", passing=True)
    if any(isinstance(part, broken.IncompleteRead) for part in (error, *error.args)):
        return HttpError(f"{host} closed the connection too early", passing=True)
    if isinstance(error, (broken.ProtocolError, ConnectionError)):
        return HttpError(f"the connection to {host} broke: {_reason(error)}", passing=True)
    return HttpError(f"cannot ask {host}: {_reason(error)}")


def _untrusted(error: Exception, host: str) -> HttpError:
    inner = error.args[0] if error.args and isinstance(error.args[0], ssl.SSLError) else error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return HttpError(
            f"the certificate of {host} cannot be trusted: {inner.verify_message}",
            hint="name its authority's file in SSL_CERT_FILE, or use --insecure-options=tls",
        )
    reason = getattr(inner, "reason", "") or str(inner)
    return HttpError(
        f"no secure connection to {host}: {reason.replace('_', ' ').lower()}",
        hint="if it speaks plain http, and that is all right: --insecure-options=http",
    )


def _reason(error: BaseException) -> str:
    """Return the innermost words: urllib3 wraps what the kernel said in two or three layers."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.strerror and not isinstance(seen, socket.gaierror):
            return seen.strerror[0].lower() + seen.strerror[1:]
        inner = [arg for arg in seen.args if isinstance(arg, BaseException)]
        seen = seen.__cause__ or seen.__context__ or (inner[0] if inner else None)
    return str(error).partition(": ")[2] or str(error)
