"""One image argument → a stored image, by pull policy.

Files and stored images are here; downloads, discovery and signatures are not yet, and say so.
What ``--debug`` shows are rkt's lines, word for word: scripts and rkt's tests look for them.
"""

from __future__ import annotations

import os
import stat

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.image.reference import ImageRef, Kind
from rktpy.log import Logger
from rktpy.store.errors import ImageNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from rktpy.store.images import ImageStore

    class Fences(Protocol):
        """The part of ``--insecure-options`` that matters here."""

        @property
        def image(self) -> bool: ...


_logger = Logger("image")
_NOWHERE = (
    "either image was not found in the store or store was disabled and fetching from remote"
    " yielded nothing or it was disabled"
)


class FetchError(RktError):
    """An image cannot be brought into the store."""


def fetch(
    store: ImageStore,
    ref: ImageRef,
    *,
    policy: str,
    insecure: Fences,
    signature: str | None = None,
) -> str:
    """Return the key of the image ``ref``, importing it if the policy says so.

    ``policy`` is ``never``, ``update`` or, for any other word, ``new``. ``signature`` is the path
    of a detached signature. Its dependencies must be in the store already.

    Raises:
        FetchError: it cannot be had; the cause says why.
        DependencyError: an image below it is missing.
    """
    if ref.kind == Kind.HASH:
        return _stored_hash(store, ref)
    if ref.kind == Kind.FILE:
        key = _fetch_file(store, ref, insecure, signature)
    else:
        key = _fetch_named(store, ref, policy)
    store.parts(key)  # a missing dependency is an error now, not when a pod starts
    return key


def _stored_hash(store: ImageStore, ref: ImageRef) -> str:
    try:
        key = store.resolve(ref.text)
    except ImageNotFoundError as error:
        raise FetchError(f"could not resolve image {quote(ref.text)}") from error
    _logger.debug("using image from the store with hash %s", key)
    return key


def _fetch_file(store: ImageStore, ref: ImageRef, insecure: Fences, signature: str | None) -> str:
    _logger.debug("using image from file %s", ref.path)
    source = _open_image(ref.path)
    try:
        if not insecure.image:
            _check_signature(ref, signature)
        try:
            return store.add_aci(source)
        except RktError as error:
            raise FetchError(f"cannot import image {quote(ref.text)}") from error
    finally:
        os.close(source)


def _open_image(path: str) -> int:
    try:
        # Not blocking: a pipe without a writer would hold us for ever.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise FetchError("error opening ACI file") from error
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    what = "a directory" if stat.S_ISDIR(mode) else "no regular file"
    raise FetchError(f"error opening ACI file: {path} is {what}")


def _check_signature(ref: ImageRef, signature: str | None) -> None:
    path = signature or ref.path.removesuffix(".aci") + ".aci.asc"
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise FetchError(
            "error opening signature file",
            hint="if you trust the image as it is: --insecure-options=image",
        ) from error
    raise FetchError(
        f"cannot verify {quote(path)}: signatures are not supported yet",
        hint="if you trust the image as it is: --insecure-options=image",
    )


def _fetch_named(store: ImageStore, ref: ImageRef, policy: str) -> str:
    if policy != "update":
        key = _from_store(store, ref)
        if key is not None:
            return key
    what = {
        Kind.URL: "unable to fetch image from URL",
        Kind.DOCKER: "unable to fetch docker image from URL",
        Kind.NAME: "unable to fetch image from image name",
    }[ref.kind]
    hint = None if policy == "never" else "rktpy cannot download images yet: fetch a file"
    raise FetchError(f"{what} {quote(ref.text)}: {_NOWHERE}", hint=hint)


def _from_store(store: ImageStore, ref: ImageRef) -> str | None:
    if ref.name is None:
        remote = store.remote(ref.url)
        if remote is not None:
            _logger.debug("using image from local store for url %s", ref.text)
        return remote.key if remote else None
    try:
        wanted = ref.name.with_defaults()
    except RktError as error:
        raise FetchError(f"invalid Appc distribution {quote(ref.text)}") from error
    key = store.find(wanted.name, wanted.labels)
    if key is not None:
        _logger.debug("using image from local store for image name %s", ref.text)
    return key
