"""Meta discovery: an image name → where its archive, its signature and its keys are.

``https://NAME?ac-discovery=1`` is asked, then each shorter path of the name down to the bare host;
pages answer with ``<meta name="ac-discovery" content="PREFIX TEMPLATE">`` and
``ac-discovery-pubkeys``. Simple discovery, which appc dropped in 0.8.0 and rkt never had, is not
done. (appc/spec: spec/discovery.md)
"""

from __future__ import annotations

import re

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.http.errors import HttpError
from rktpy.image.metatags import Meta, parse_metas
from rktpy.log import Logger
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeVar

    from rktpy.host.http.client import Authorize, Client

    T = TypeVar("T")

PAGE_LIMIT = 1 << 20  # bytes
_IMAGE, _KEYS = "ac-discovery", "ac-discovery-pubkeys"
_PLACE = re.compile(r"\{([^{}]*)\}")
_LONGEST = 8192  # characters of a URL
_logger = Logger("image")


class DiscoveryError(RktError):
    """A name leads nowhere."""


class Endpoint(Value):
    """Where an image and its signature are."""

    image: str
    signature: str


class Asker(Value):
    """How pages are asked for: with which client, credentials, and whether http will do."""

    client: Client
    authorize: Authorize | None = None
    plain: bool = False


def find_images(asker: Asker, name: str, labels: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """Return where the image is said to be, best first: https before http, else as on the page.

    ``labels`` fill the templates; without a version that is ``latest``.

    Raises:
        DiscoveryError: nowhere; the cause is the first server that could not be asked.
    """

    def use(metas: tuple[Meta, ...]) -> tuple[Endpoint, ...]:
        fitting = [meta for meta in metas if meta.name == _IMAGE and name.startswith(meta.prefix)]
        found = [expand(meta.target, name, labels) for meta in fitting]
        return tuple(endpoint for endpoint in found if endpoint is not None)

    endpoints = [e for e in _walk(asker, name, use, _IMAGE) if _usable(e.image, plain=asker.plain)]
    if not endpoints:
        raise DiscoveryError(
            f"no endpoints discovered for {quote(name)} that can be used",
            hint="http ones need --insecure-options=http",
        )
    return tuple(sorted(endpoints, key=lambda endpoint: not endpoint.image.startswith("https:")))


def find_keys(asker: Asker, name: str) -> tuple[str, ...]:
    """Return the URLs of the keys for images below ``name``. Errors as ``find_images``."""

    def use(metas: tuple[Meta, ...]) -> tuple[str, ...]:
        fitting = [meta for meta in metas if meta.name == _KEYS and name.startswith(meta.prefix)]
        return tuple(meta.target for meta in fitting)

    return _walk(asker, name, use, _KEYS)


def expand(template: str, name: str, labels: Mapping[str, str]) -> Endpoint | None:
    """Return ``template`` filled in; None if it asks for a label that is not there, or if the URL
    becomes too long for any server.

    One pass: what a label brings in is not looked at again.
    """
    values = {"version": "latest"} | {key: value for key, value in labels.items() if value}
    values["name"] = name

    places = _PLACE.findall(template)
    if len(template) + sum(len(values.get(place, "")) for place in places) > _LONGEST:
        return None

    def fill(extension: str) -> str:
        known = values | {"ext": extension}
        return _PLACE.sub(lambda match: known[match[1]], template)

    try:
        return Endpoint(fill("aci"), fill("aci.asc"))
    except KeyError:
        return None


def _walk(
    asker: Asker, name: str, use: Callable[[tuple[Meta, ...]], tuple[T, ...]], tag: str
) -> tuple[T, ...]:
    """Return what ``use`` makes of the first page it can use, from ``name`` up to its host."""
    failure: HttpError | None = None
    for prefix in _prefixes(name):
        for url in _addresses(prefix, plain=asker.plain):
            try:
                found = use(parse_metas(_page(asker, url)))
            except HttpError as error:
                _logger.debug("%s: %s", prefix, error.message)
                failure = failure or error
                continue
            if found:
                return found
            break  # the page is there: http would be the same one
        _logger.debug("meta tag '%s' not found on %s", tag, prefix)
    hint = None if failure else "is the name right?"
    raise DiscoveryError(f"discovery failed for {quote(name)}", hint=hint) from failure


def _page(asker: Asker, url: str) -> str:
    with asker.client.request(url, authorize=asker.authorize, plain=asker.plain) as answer:
        if answer.status != 200:
            raise HttpError(f"expected a 200 OK got {answer.status}")
        return answer.body(PAGE_LIMIT).decode("utf-8", "replace")


def _prefixes(name: str) -> Iterator[str]:
    while name:
        yield name
        name = name.rpartition("/")[0]


def _addresses(prefix: str, *, plain: bool) -> tuple[str, ...]:
    secure = f"https://{prefix}?ac-discovery=1"
    return (secure, f"http://{prefix}?ac-discovery=1") if plain else (secure,)


def _usable(url: str, *, plain: bool) -> bool:
    return url.startswith("https://") or (plain and url.startswith("http://"))
