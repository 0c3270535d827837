"""One image argument → a stored image, by pull policy.

What ``--debug`` shows are rkt's lines, word for word: scripts and rkt's tests look for them.
"""

from __future__ import annotations

import os
import stat

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.image.errors import FetchError, LibraryMissingError
from rktpy.image.reference import ImageRef, Kind
from rktpy.log import Logger
from rktpy.store.dependencies import DependencyMissingError
from rktpy.store.errors import ImageGoneError, ImageNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from rktpy.appc.image import ImageManifest
    from rktpy.appc.names import ImageName
    from rktpy.image.means import Means
    from rktpy.store.images import ImageStore
    from rktpy.store.importing import Terms

    T = TypeVar("T")

_PATIENCE = 3  # times that an image may go while it is fetched
_logger = Logger("image")
_NOWHERE = (
    "either image was not found in the store or store was disabled and fetching from remote"
    " yielded nothing or it was disabled"
)


def fetch(store: ImageStore, ref: ImageRef, means: Means, *, signature: str = "") -> str:
    """Return the key of the image ``ref``, bringing it and what it is built on into the store.

    ``signature`` is the path of a detached signature, "" for the usual places. What another
    command removes meanwhile is brought again.

    Raises:
        FetchError: it cannot be had; the cause says why.
        DependencyError: an image below it is missing, another one, or there is a loop.
    """
    if ref.kind == Kind.HASH:
        return _stored_hash(store, ref)
    return while_removed(lambda: _fetch(store, ref, means, signature))


def while_removed(act: Callable[[], T]) -> T:
    """Return what ``act``, which brings images and reads them, returns; it is done again if another
    command removes one of them in between.

    Raises:
        RktError: what ``act`` raises; an ``ImageGoneError`` of it only if that goes on and on.
    """
    for _ in range(_PATIENCE):
        try:
            return act()
        except ImageGoneError as error:
            _logger.debug("once more: %s", error.message)
    return act()


def _fetch(store: ImageStore, ref: ImageRef, means: Means, signature: str) -> str:
    key = fetch_one(store, ref, means, signature=signature)
    if store.manifest(key).dependencies:
        from rktpy.image.dependencies import fetch_dependencies

        fetch_dependencies(store, key, means)
        try:
            store.parts(key)
        except DependencyMissingError:
            fetch_dependencies(store, key, means)  # another command removed it just now
    store.parts(key)  # a missing dependency is an error now, not when a pod starts
    return key


def fetch_one(store: ImageStore, ref: ImageRef, means: Means, *, signature: str = "") -> str:
    """Return the key of the image ``ref``, whatever it is built on. Errors as ``fetch``."""
    ref = _of_platform(ref, means.platform)
    if ref.kind == Kind.FILE:
        return _fetch_file(store, ref, means, signature)
    if ref.kind in Kind.LAYERED_FILES:
        from rktpy.image.layered.importing import fetch_local  # cold: json, threads

        return fetch_local(store, ref, means)
    complete = _complete(ref) if ref.name is not None else None
    if means.policy != "update" or _is_digest(ref):
        key = _from_store(store, ref, complete, means)
        if key is not None:
            return key
    unverified = _unverified(store, complete) if complete is not None else ""
    if means.policy == "never":
        raise _nowhere(ref, means, unverified=unverified)
    if unverified and means.policy != "update":
        _logger.warning("%s is stored but %s, looking for it elsewhere", ref.text, unverified)
    return _from_afar(store, ref, complete, means, signature)


def _is_digest(ref: ImageRef) -> bool:
    """Return whether ``ref`` names an image of a registry by its digest: what was had by that is
    what would be had, so nobody need be asked."""
    if ref.kind != Kind.DOCKER or "@" not in ref.url:
        return False
    from rktpy.image.layered.fetching import registry_name

    return bool(registry_name(ref).digest)


def _from_afar(
    store: ImageStore, ref: ImageRef, complete: ImageName | None, means: Means, signature: str
) -> str:
    if ref.kind == Kind.DOCKER:
        from rktpy.image.layered.fetching import fetch_registry

        return fetch_registry(store, ref, means)
    try:
        from rktpy.image import remote  # brings HTTP in: 70 ms
    except ModuleNotFoundError as error:
        raise LibraryMissingError("downloading", error) from None
    if complete is None or ref.name is None:
        return remote.fetch_url(store, ref, means, signature)
    return remote.fetch_name(store, ref.name, complete, means, signature)


def _of_platform(ref: ImageRef, platform: str) -> ImageRef:
    """Return ``ref`` with the platform, if any, in its URL: the image will be known by that."""
    if not platform:
        return ref
    if ref.kind not in (Kind.DOCKER, *Kind.LAYERED_FILES):
        raise FetchError(
            f"{quote(ref.text)} is not an image of layers, so there is no platform to choose",
            hint="a name may have labels: NAME,os=linux,arch=aarch64",
        )
    return ref.replace(url=f"{ref.url}#{platform}")


def _stored_hash(store: ImageStore, ref: ImageRef) -> str:
    try:
        key = store.resolve(ref.text)
    except ImageNotFoundError as error:
        raise FetchError(f"could not resolve image {quote(ref.text)}") from error
    _logger.debug("using image from the store with hash %s", key)
    return key


def _fetch_file(store: ImageStore, ref: ImageRef, means: Means, signature: str) -> str:
    from rktpy.store.importing import Terms

    _logger.debug("using image from file %s", ref.path)
    source = _open_image(ref.path)
    try:
        if not means.insecure.image:
            from rktpy.host.files import unchangeable

            source = unchangeable(source, store.scratch())
        terms = Terms() if means.insecure.image else _signed(ref, means, signature, source)
        return store.add_aci(source, terms)
    except FetchError:
        raise  # says it all
    except RktError as error:
        raise FetchError(f"cannot import image {quote(ref.text)}") from error
    finally:
        os.close(source)


def _signed(ref: ImageRef, means: Means, signature: str, source: int) -> Terms:
    """Return the terms on which a file is imported: signed for the name its manifest says."""
    from rktpy.image import vouching
    from rktpy.image.trust.keystore import Keystore
    from rktpy.store.importing import Terms

    path = signature or ref.path.removesuffix(".aci") + ".aci.asc"
    content = vouching.read_signature(path)
    vouching.signers(content, ref.text)

    def check(manifest: ImageManifest) -> str:
        return vouching.vouch(Keystore(means.keys), manifest.name, content, source)

    return Terms(vouch=check)


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
    what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
    raise FetchError(f"error opening ACI file: {path} is {what}")


def _unverified(store: ImageStore, name: ImageName) -> str:
    """Return why an image ``name`` that is there does not count, "" if there is none."""
    key = store.find(name.name, name.labels, unsigned=True)
    if key is None:
        return ""
    # A member of the group fetched it, or says so, or it was fetched before root kept records.
    return "root has not verified it" if store.is_claimed(key) else "was not verified"


def _nowhere(ref: ImageRef, means: Means, *, unverified: str) -> FetchError:
    what = {
        Kind.URL: "unable to fetch image from URL",
        Kind.DOCKER: "unable to fetch docker image from URL",
        Kind.NAME: "unable to fetch image from image name",
    }[ref.kind]
    waived = "--insecure-options=image " if means.insecure.image else ""
    hint = f"get it with: rktpy fetch {waived}{ref.text}"
    if unverified:
        again = (
            f"fetch it with its signature: rktpy fetch {ref.text}. " if "root" in unverified else ""
        )
        hint = f"it is stored but {unverified}. {again}If you trust it: --insecure-options=image"
    return FetchError(f"{what} {quote(ref.text)}: {_NOWHERE}", hint=hint)


def _complete(ref: ImageRef) -> ImageName | None:
    if ref.name is None:
        return None
    try:
        return ref.name.with_defaults()
    except RktError as error:
        raise FetchError(f"invalid Appc distribution {quote(ref.text)}") from error


def _from_store(
    store: ImageStore, ref: ImageRef, complete: ImageName | None, means: Means
) -> str | None:
    if ref.name is None or complete is None:
        known = store.remote(ref.url)
        if known is None or not _counts(store, ref, known.key, means):
            return None
        if ref.kind == Kind.DOCKER and means.policy != "never" and not store.complete(known.key):
            return None  # a layer of it is damaged: its registry has it whole
        _logger.debug("using image from local store for url %s", ref.text)
        return known.key
    key = store.find(complete.name, complete.labels) or _fits_anywhere(store, ref.name, complete)
    if key is not None:
        _check_name(store, key, ref.name)
        _logger.debug("using image from local store for image name %s", ref.text)
    return key


def _check_name(store: ImageStore, key: str, wanted: ImageName) -> None:
    """Refuse what the index calls ``wanted`` and the image itself does not.

    Members of the store's group may write the index. They may not say what an image is called.
    """
    manifest = store.manifest(key)
    if manifest.name != wanted.name or not set(wanted.labels) <= set(manifest.labels):
        raise FetchError(
            f"the image index says that {key[:19]} is {quote(str(wanted))}, the image itself says"
            f" {quote(manifest.name)}",
            hint=f"rktpy image rm {key[:19]}, then fetch what you need",
        )


def _counts(store: ImageStore, ref: ImageRef, key: str, means: Means) -> bool:
    """Return whether the image that was had at a URL is there and may be used unasked."""
    if store.accepts(key):
        return True
    if ref.kind != Kind.DOCKER or not store.has(key):
        return False
    from rktpy.image.layered.acceptance import is_pinned
    from rktpy.image.layered.fetching import registry_name

    return is_pinned(registry_name(ref), means)


def _fits_anywhere(store: ImageStore, name: ImageName, complete: ImageName) -> str | None:
    """Return an image that says nothing of the os or arch that nobody asked for."""
    key = store.find(name.name, name.labels)
    if key is None:
        return None
    said = {label.name: label.value for label in store.manifest(key).labels}
    fits = all(said.get(label.name, label.value) == label.value for label in complete.labels)
    return key if fits else None
