"""Names of images in registries → keys of stored images."""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.image.errors import FetchError, LibraryMissingError
from rktpy.image.layered.acceptance import require_acceptance
from rktpy.image.layered.documents import (
    CONFIG_LIMIT,
    MAX_NESTING,
    Index,
    LayeredImageError,
    choose,
    parse_document,
)
from rktpy.image.layered.logins import find_login
from rktpy.image.layered.names import parse_name
from rktpy.image.layered.presence import known
from rktpy.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.image.layered.names import RegistryName
    from rktpy.image.layered.registry import Registry
    from rktpy.image.means import Means
    from rktpy.image.reference import ImageRef
    from rktpy.store.images import ImageStore

_MACHINES = {
    "x86_64": ("amd64", ""), "aarch64": ("arm64", "v8"), "armv6l": ("arm", "v6"),
    "armv7l": ("arm", "v7"), "armv8l": ("arm", "v7"), "i386": ("386", ""), "i686": ("386", ""),
}  # fmt: skip
_logger = Logger("image")


def host_platform() -> tuple[str, str, str]:
    """Return (os, architecture, variant) of this host in the words of registries."""
    machine = os.uname().machine
    return ("linux", *_MACHINES.get(machine, (machine, "")))


def wanted_platform(means: Means) -> tuple[str, str, str]:
    """Return the platform that was asked for, or this host's.

    Raises:
        FetchError: it has not two or three parts.
    """
    if not means.platform:
        return host_platform()
    parts = means.platform.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise FetchError(
            f"{quote(means.platform)} is not a platform", hint="it is OS/ARCHITECTURE: linux/arm64"
        )
    return parts[0], parts[1], "".join(parts[2:])


def registry_name(ref: ImageRef) -> RegistryName:
    """Return the name of a registry's image.

    Raises:
        FetchError: it is out of the grammar.
    """
    try:
        return parse_name(ref.url.removeprefix("docker://").partition("#")[0])
    except RktError as error:
        raise FetchError(
            f"invalid docker URL {quote(ref.text)}; expected syntax is"
            ' "docker://[REGISTRY_HOST[:REGISTRY_PORT]/]IMAGE_NAME[:TAG]"'
        ) from error


def fetch_registry(store: ImageStore, ref: ImageRef, means: Means) -> str:
    """Return the key of a registry's image, downloaded unless it is stored with its manifest.

    Raises:
        FetchError: it cannot be had; the cause says why.
    """
    name = registry_name(ref)
    try:
        from rktpy.host.http.client import is_loopback  # brings HTTP in: 70 ms
        from rktpy.image.layered.registry import Access, Registry
    except ModuleNotFoundError as error:
        raise LibraryMissingError("downloading", error) from None
    local_registry = is_loopback(f"http://{name.registry}")
    require_acceptance(name, means, local=local_registry)
    _logger.debug("remote fetching from URL %s", quote(ref.text))
    _logger.debug("fetching image from %s", ref.url)
    platform = wanted_platform(means)
    access = Access(
        plain=means.insecure.http or local_registry,
        tls=not means.insecure.tls,
        login=find_login(name.registry, means.logins()),
    )
    try:
        with Registry(name, access, store.layout.downloads) as registry:
            return _pull(store, ref, name, registry, means, platform)
    except (RktError, OSError) as error:
        raise FetchError(f"cannot fetch image {quote(ref.text)}") from error


def _pull(
    store: ImageStore,
    ref: ImageRef,
    name: RegistryName,
    registry: Registry,
    means: Means,
    platform: tuple[str, str, str],
) -> str:
    reference = name.reference
    for _level in range(MAX_NESTING):
        content, digest, media_type = registry.manifest(reference)
        found = parse_document(content, media_type)
        if isinstance(found, Index):
            reference = choose(found, platform).digest
            continue
        present = known(store, ref.url, digest)
        if present is not None:
            return present
        # An image that is there, the usual case, needs none of this: 15 ms.
        from rktpy.image.layered.blobs import read_blob
        from rktpy.image.layered.config import Content, Identity
        from rktpy.image.layered.storing import store_image

        identity = Identity(
            name=f"{name.registry}/{name.repository}",
            version=name.tag,
            original=ref.url.removeprefix("docker://").partition("#")[0],
            repository=name.repository,
            registry=name.registry,
            config_digest=found.config.digest,
            manifest_digest=digest,
            annotations=found.annotations,
        )
        config = read_blob(registry, found.config, CONFIG_LIMIT)
        image = Content(config, found.layers, identity)
        with means.talk.board(ref.text) as board:
            return store_image(store, ref.url, image, registry, board)
    raise LayeredImageError(f"more than {MAX_NESTING} indexes in one another")
