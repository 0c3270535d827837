"""An image from the network into the store: URL or name, signature, download, checks, import.

Nothing is stored before its signature, its name and its labels are what they have to be.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit, urlunsplit

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.archive.formats import Stream
from rktpy.host.http.client import Client, is_loopback, without_user
from rktpy.host.http.errors import HttpError
from rktpy.image import discovery
from rktpy.image.authorizing import authorizer
from rktpy.image.download import (
    Answer,
    Download,
    DownloadError,
    Source,
    StartedOverError,
    fetch_small,
)
from rktpy.image.errors import FetchError
from rktpy.image.means import STORED, STORING
from rktpy.image.partial import Partial, open_partial
from rktpy.image.trust import adding, openpgp
from rktpy.image.trust.keystore import Keystore
from rktpy.image.vouching import check_labels, read_signature, signers, vouch
from rktpy.log import Logger
from rktpy.resource import Resource
from rktpy.store.database import Remote
from rktpy.store.errors import StoreError
from rktpy.store.importing import Terms
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rktpy.appc.image import ImageManifest
    from rktpy.appc.names import ImageName
    from rktpy.host.http.client import Authorize
    from rktpy.image.means import Board, Gauge, Means
    from rktpy.image.reference import ImageRef
    from rktpy.store.images import ImageStore

_TURNS = 4  # of servers whose file changes while it is downloaded
_REST = 1 << 18
_logger = Logger("image")


class _UnfinishedError(FetchError):
    """A server or the disk failed us; what has arrived is worth keeping."""


class _Target(Value):
    """What is fetched: where it is, and what it must be if it was asked for by ``name``.

    ``complete`` is the name with the labels of this host; ``asc`` a local signature file.
    """

    url: str
    signature_url: str
    asc: str
    plain: bool
    name: ImageName | None = None
    complete: ImageName | None = None


def fetch_url(store: ImageStore, ref: ImageRef, means: Means, signature: str) -> str:
    """Return the key of the image at a URL, downloaded unless the server's word still holds.

    Raises:
        FetchError: it cannot be had; the cause says why.
    """
    _logger.debug("remote fetching from URL %s", quote(without_user(ref.url)))
    target = _Target(
        url=ref.url,
        signature_url=signature_url(ref.url),
        asc=signature,
        plain=means.insecure.http or is_loopback(ref.url),
    )
    with _Link(store, means) as link:
        return _fetch(link, target)


def fetch_name(
    store: ImageStore, name: ImageName, complete: ImageName, means: Means, signature: str
) -> str:
    """Return the key of the image that discovery finds for ``name``; errors as ``fetch_url``.

    ``complete`` is ``name`` with what this host adds to it.
    """
    _logger.debug("searching for app image %s", complete.name)
    with _Link(store, means) as link:
        if not means.insecure.image:
            _gather_keys(link, complete.name)
        asker = discovery.Asker(link.client, link.authorize, means.insecure.http)
        labels = {str(label.name): label.value for label in complete.labels}
        endpoints = discovery.find_images(asker, complete.name, labels)
        failure: RktError | None = None
        for endpoint in endpoints:
            _logger.debug("remote fetching from URL %s", quote(endpoint.image))
            target = _Target(
                url=endpoint.image,
                signature_url=endpoint.signature,
                asc=signature,
                plain=means.insecure.http,
                name=name,
                complete=complete,
            )
            try:
                return _fetch(link, target)
            except FetchError as error:
                failure = failure or error
        assert failure is not None  # noqa: S101 - discovery gives one endpoint at least
        raise failure


def signature_url(url: str) -> str:
    """Return where the signature of the image at ``url`` is; query and fragment stay."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.removesuffix(".aci") + ".aci.asc"))


class _Link(Resource):
    """Connections, credentials and keys of one fetch, and the store it is for."""

    __slots__ = ("authorize", "client", "keystore", "means", "store")

    def __init__(self, store: ImageStore, means: Means) -> None:
        self.store = store
        self.means = means
        self.client = Client(verify_tls=not means.insecure.tls)
        self.authorize: Authorize = authorizer(means.credentials)
        self.keystore = Keystore(means.keys)
        if means.insecure.tls and not means.insecure.image:
            _logger.warning("warning: TLS verification has been disabled")

    def close(self) -> None:
        self.client.close()


def _gather_keys(link: _Link, name: str) -> None:
    """Look for keys of ``name`` if there are none. Failing is no error: verifying decides."""
    fences = link.means.insecure
    try:
        if link.keystore.has_prefix_key(name):
            _logger.debug("keys already exist for prefix %s, not fetching again", quote(name))
            return
        if fences.tls and not fences.pubkey:
            _logger.debug("signing keys may be downloaded from an insecure connection: not done")
            return
        locations = discovery.find_keys(
            discovery.Asker(link.client, plain=fences.http and fences.pubkey), name
        )
        how = adding.Taking(
            link.keystore,
            link.client,
            link.means.talk,
            unseen_https=link.means.trust_keys_from_https,
            plain=fences.pubkey and fences.http,
        )
        adding.add_keys(how, locations, name)
    except discovery.DiscoveryError as error:
        _logger.debug("error determining key location: %s", error.message)
    except RktError as error:
        _logger.warning("error adding keys: %s", error.message)


def _fetch(link: _Link, target: _Target) -> str:
    shown = without_user(target.url)
    known = link.store.remote(shown)
    if known is not None and not link.store.accepts(known.key):
        known = None
    if known is not None and time.time_ns() - known.downloaded_at < known.max_age * 10**9:
        _logger.debug("image for %s isn't expired, not fetching.", shown)
        _check(target, link.store.manifest(known.key))
        return known.key
    with link.means.talk.board(shown) as board:
        return _fetch_anew(link, target, known, board)


def _fetch_anew(link: _Link, target: _Target, known: Remote | None, board: Board) -> str:
    shown = without_user(target.url)
    link.store.scratch()  # makes the directories
    try:
        with open_partial(link.store.layout.downloads, target.url) as partial:
            for _turn in range(_TURNS):
                try:
                    return _bring(_Errand(link, target, known, partial, board))
                except StartedOverError as error:
                    _logger.warning("%s, beginning anew", error.message)
    except OSError as error:
        raise _no_room(target) from error
    raise FetchError(f"{shown} changes while it is downloaded", hint="try again later")


class _Errand(Value):
    """One try: what is known of the file already, where it is kept, and where that is shown."""

    link: _Link
    target: _Target
    known: Remote | None
    partial: Partial
    board: Board


def _bring(errand: _Errand) -> str:
    """Download and import at once; see ``_fetch_anew``.

    Raises:
        StartedOverError: the server has another file now, and maybe another signature.
    """
    link, target, known, partial = errand.link, errand.target, errand.known, errand.partial
    signature = None if link.means.insecure.image else _early_signature(link, target, errand.board)
    _logger.debug("fetching image from %s", without_user(target.url))
    gauge = errand.board.gauge("ACI", None)
    source = Source(link.client, target.url, link.authorize, target.plain)
    with Download(source, partial, gauge) as download:
        try:
            answer = download.begin(known.etag if known else "")
        except RktError as error:
            raise FetchError(f"error downloading ACI {_wanted(target)}") from error
        if answer.fresh and known is not None:
            partial.discard()
            return _renew(link, target, known, answer)
        key = _take_in(errand, _arriving(download, target, gauge), signature)
    link.store.put_remote(_remote(target, key, answer))
    partial.discard()
    gauge.state(STORED)
    return key


def _arriving(download: Download, target: _Target, gauge: Gauge) -> Iterator[bytes]:
    try:
        yield from download.pieces()
    except (DownloadError, HttpError) as error:
        raise _UnfinishedError(f"error downloading ACI {_wanted(target)}") from error
    except OSError as error:
        raise _no_room(target) from error
    gauge.state(STORING)


def _renew(link: _Link, target: _Target, known: Remote, answer: Answer) -> str:
    """Note that the server still has the image we know, and return its key.

    It keeps the ETag it came with. A server could say that of its next image here, and whoever
    asks with that one would be told for ever that nothing has changed.
    """
    renewed = answer.replace(etag=known.etag)
    link.store.put_remote(_remote(target, known.key, renewed))
    _check(target, link.store.manifest(known.key))
    return known.key


def _take_in(errand: _Errand, pieces: Iterator[bytes], signature: bytes | None) -> str:
    """Import what arrives, if it is what was asked for and somebody trusted vouches for it."""
    link, target, partial = errand.link, errand.target, errand.partial
    stream = Stream(pieces)

    def vouch_for(manifest: ImageManifest) -> str:
        while stream.read(_REST):
            pass  # what nobody had to unpack was signed as well
        _check(target, manifest)
        if link.means.insecure.image:
            return ""
        made = signature or _late_signature(link, target, errand.board)
        return vouch(link.keystore, manifest.name, made, partial.fd)

    latest = target.name is not None and target.name.label("version") is None
    try:
        return link.store.add_stream(stream, Terms(latest=latest, vouch=vouch_for))
    except (_UnfinishedError, StartedOverError):
        raise
    except StoreError as error:
        if isinstance(error.__cause__, OSError):
            raise _no_room(target) from error.__cause__
        raise
    except RktError:
        partial.discard()  # it is no good: going on with it would not help
        raise


def _no_room(target: _Target) -> _UnfinishedError:
    return _UnfinishedError(f"cannot store the download of {without_user(target.url)}")


def _check(target: _Target, manifest: ImageManifest) -> None:
    """Two names may lead to one URL: what is known already is looked at as well."""
    if target.name is not None and target.complete is not None:
        check_labels(target.name, target.complete, manifest)


def _wanted(target: _Target) -> str:
    """Return for errors what is downloaded: where it is and, if it was found, for which name."""
    url = without_user(target.url)
    return f"of {target.name} at {url}" if target.name is not None else f"of {url}"


def _unsigned_hint(error: RktError) -> str:
    trust = "if you trust the image as it is: --insecure-options=image"
    if isinstance(error, DownloadError) and error.status == 404:
        return f"it is not signed; {trust}"
    return error.hint or trust


def _remote(target: _Target, key: str, answer: Answer) -> Remote:
    return Remote(
        url=without_user(target.url),
        key=key,
        signature_url=without_user(target.signature_url),
        etag=answer.etag,
        max_age=answer.max_age,
        downloaded_at=time.time_ns(),
    )


def _early_signature(link: _Link, target: _Target, board: Board) -> bytes | None:
    """Return the signature, None if it comes later, before anything large is downloaded.

    Raises:
        FetchError: it cannot be had, or the image is known by name and no trusted key made it.
    """
    if target.asc:
        signature: bytes | None = read_signature(target.asc)
    else:
        signature = _ask_signature(link, target, board)
    if signature is None:
        _logger.warning("server requested deferring the signature download")
        return None
    claimed = signers(signature, str(target.name or without_user(target.url)))
    if target.name is not None:
        keyring = link.keystore.keyring(target.name.name)
        if not any(openpgp.has_issuer(key, claimed) for key in keyring):
            raise FetchError(
                f"image {quote(str(target.name))} verification failed"
            ) from openpgp.UnknownSignerError(target.name.name)
    return signature


def _late_signature(link: _Link, target: _Target, board: Board) -> bytes:
    signature = _ask_signature(link, target, board)
    if signature is None:
        raise _UnfinishedError(
            f"error downloading the signature file {_wanted(target)}"
        ) from DownloadError("server asked to defer the download again", hint="try again later")
    return signature


def _ask_signature(link: _Link, target: _Target, board: Board) -> bytes | None:
    _logger.debug("downloading signature from %s", without_user(target.signature_url))
    source = Source(link.client, target.signature_url, link.authorize, target.plain)
    try:
        return fetch_small(source, board.gauge("signature", None))
    except RktError as error:
        raise _UnfinishedError(
            f"error downloading the signature file {_wanted(target)}",
            hint=_unsigned_hint(error),
        ) from error
