"""Whether an image is the one that was asked for, and whether somebody trusted vouches for it."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.host.files import read_bytes
from rktpy.image.errors import FetchError
from rktpy.image.trust import openpgp
from rktpy.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.image import ImageManifest
    from rktpy.appc.names import ImageName
    from rktpy.image.trust.keystore import Keystore

_logger = Logger("image")


def vouch(keystore: Keystore, name: str, signature: bytes, fd: int) -> str:
    """Return the fingerprint of the key that signed the whole file ``fd`` of the image ``name``.

    ``name`` is what the image's own manifest says: only keys for that name count.

    Raises:
        FetchError: nobody who is trusted with that name signed it.
        KeystoreError: a trusted key cannot be read.
    """
    try:
        verdict = openpgp.verify(signature, fd, keystore.keyring(name), name)
    except openpgp.SignatureError as error:
        raise FetchError(f"image {quote(name)} verification failed") from error
    _logger.debug("verified with keys for %s", name)
    _logger.warning("signature verified:")
    for identity in verdict.identities:
        _logger.warning("  %s", identity)
    return verdict.fingerprint


def read_signature(path: str) -> bytes:
    """Return the content of a signature file.

    Raises:
        FetchError: it cannot be read.
    """
    try:
        return read_bytes(path, limit=openpgp.LIMIT)
    except OSError as error:
        raise FetchError(
            "error opening signature file",
            hint="if you trust the image as it is: --insecure-options=image",
        ) from error
    except ValueError:
        raise FetchError(f"error opening signature file: {path} is too large") from None


def signers(signature: bytes, text: str) -> tuple[str, ...]:
    """Return who claims to have signed the image ``text``, before anything large is done.

    Raises:
        FetchError: it is no signature.
    """
    try:
        return openpgp.issuers(signature)
    except openpgp.SignatureError as error:
        raise FetchError(f"image {quote(text)} verification failed") from error


def check_labels(wanted: ImageName, complete: ImageName, manifest: ImageManifest) -> None:
    """Refuse an image of another name, or with other labels than asked for.

    ``complete`` has the host's os and arch where ``wanted`` has none; an image that says nothing
    about those fits everywhere. rkt did this for signed images only; the specification asks for it
    always.

    Raises:
        FetchError: in rkt's words.
    """
    if manifest.name != wanted.name:
        raise FetchError(
            f"error when reading the app name: {quote(wanted.name)} expected"
            f" but {quote(manifest.name)} found"
        )
    found = {label.name: label.value for label in manifest.labels}
    for label in complete.labels:
        if label.name not in found:
            if wanted.label(label.name) is None:
                continue
            raise FetchError(
                f"requested label {quote(label.name)} not provided by the image manifest"
            )
        if found[label.name] != label.value:
            raise FetchError(
                f"requested value for label {quote(label.name)}: {quote(label.value)} differs"
                f" from fetched aci label value: {quote(found[label.name])}"
            )
