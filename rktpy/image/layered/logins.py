"""Credentials for registries: rkt's ``dockerAuth`` first, then what ``docker login`` wrote.

$DOCKER_CONFIG/config.json, or ~/.docker/config.json: {"auths": {REGISTRY: {"auth": BASE64}}}.
Helpers that docker would start for credentials are not started.
"""

from __future__ import annotations

import binascii
import os

from rktpy import codec
from rktpy.config.credentials import BasicAuth
from rktpy.host.files import read_bytes
from rktpy.image.layered.names import HUB
from rktpy.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_HUB_NAMES = (HUB, "docker.io", "index.docker.io")
_logger = Logger("image")


def find_login(registry: str, configured: Mapping[str, BasicAuth]) -> BasicAuth | None:
    """Return the credentials for ``registry``, a host with or without a port, if there are any."""
    names = _HUB_NAMES if registry == HUB else (registry,)
    for name in names:
        if name in configured:
            return configured[name]
    found = _docker_logins()
    return next((found[name] for name in names if name in found), None)


def _docker_logins() -> dict[str, BasicAuth]:
    home = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    path = f"{home}/config.json"
    try:
        content = codec.parse(read_bytes(path, limit=1 << 20), what=path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, codec.CodecError) as error:
        _logger.warning("cannot read docker's logins in %s: %s", path, error)
        return {}
    auths = content.get("auths") if isinstance(content, dict) else None
    logins = {}
    for address, entry in auths.items() if isinstance(auths, dict) else ():
        login = _login(entry)
        if login is not None:
            host = address.partition("://")[2] or address
            logins[host.partition("/")[0]] = login
    return logins


def _login(entry: object) -> BasicAuth | None:
    text = entry.get("auth") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        return None
    try:
        user, colon, password = binascii.a2b_base64(text).decode().partition(":")
    except ValueError:
        return None
    return BasicAuth(user, password.rstrip("\0")) if colon else None
