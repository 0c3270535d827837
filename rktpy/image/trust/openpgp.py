"""The door to OpenPGP (pysequoia): public keys and detached signatures, judged.

What counts: not revoked, not expired (the key) or outdated (the signature), not from the future,
RSA and DSA of 2048 bits or more, no SHA-1 or MD5. rkt looked at none of these but revocation.
"""

from __future__ import annotations

import time

from rktpy.errors import RktError
from rktpy.image.errors import LibraryMissingError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from pysequoia import Cert, Sig
    from pysequoia.packet import Packet

    T = TypeVar("T")

LIMIT = 1 << 20  # bytes of a key file, or of a signature
UNKNOWN = "openpgp: signature made by unknown entity"
_MANY = 64  # signatures of one file; each of them is checked
_LARGE = 1 << 17  # bytes of a file of signatures: more than those can have
_CLOCKS = 300.0  # seconds that two clocks may differ


class KeyFileError(RktError):
    """A file holds no public key that can be used."""


class SignatureError(RktError):
    """A signature does not vouch for an image."""


class UnknownSignerError(SignatureError):
    """No trusted key made the signature."""

    def __init__(self, name: str = "") -> None:
        prefix = f' --prefix "{name}"' if name else " --prefix PREFIX"
        super().__init__(UNKNOWN, hint=f"if you expected the key to change: rktpy trust{prefix}")


class PublicKey(Value):
    """The first key of a file. Fingerprints are lower-case hex.

    ``problem`` says why nothing it signs is accepted, "" if it is in order.
    """

    fingerprint: str
    subkeys: tuple[str, ...]
    identities: tuple[str, ...]
    problem: str
    content: bytes  # of the whole file


class Verdict(Value):
    """What vouches for an image: fingerprint of the primary key, and who it belongs to."""

    fingerprint: str
    identities: tuple[str, ...]


def read_key(content: bytes) -> PublicKey:
    """Return the first public key in a file, armoured or binary.

    Raises:
        KeyFileError: there is none.
    """
    cert = _first_cert(content)
    fingerprint = cert.fingerprint.lower()
    return PublicKey(
        fingerprint, _subkeys(cert), _identities(cert), _problem(cert, fingerprint), content
    )


def issuers(signature: bytes) -> tuple[str, ...]:
    """Return fingerprints and key IDs of those who claim to have made the ``signature``.

    Raises:
        SignatureError: it is none.
    """
    found: list[str] = []
    for sig in _signatures(signature):
        found += [text.lower() for text in (sig.issuer_fingerprint, sig.issuer_key_id) if text]
    return tuple(found)


def has_issuer(key: PublicKey, claimed: Iterable[str]) -> bool:
    """Return whether ``key`` is one of those that ``issuers`` names."""
    return any(own.endswith(text) for own in (key.fingerprint, *key.subkeys) for text in claimed)


def verify(signature: bytes, fd: int, keys: Iterable[PublicKey], name: str) -> Verdict:
    """Return which of the ``keys`` vouches for the whole file ``fd`` of the image ``name``.

    One good signature among several is enough.

    Raises:
        SignatureError: none is good; the text says what is wrong with the best of them.
    """
    known = list(keys)
    failure: SignatureError = UnknownSignerError(name)
    for sig in _signatures(signature):
        claimed = [text.lower() for text in (sig.issuer_fingerprint, sig.issuer_key_id) if text]
        for key in known:
            if not has_issuer(key, claimed):
                continue
            reason = _refusal(sig, key, fd)
            if not reason:
                return Verdict(key.fingerprint, key.identities)
            failure = SignatureError(f"openpgp: {reason}", hint="ask who signs the image")
    raise failure


def _refusal(sig: Sig, key: PublicKey, fd: int) -> str:
    """Return why ``sig``, which ``key`` claims to have made, does not count; "" if it does."""
    from pysequoia import verify as check

    if key.problem:
        return key.problem
    try:
        odd = _oddity(sig)
    except (RuntimeError, ValueError):  # of types the library has no word for
        odd = "the signature is of a kind that nobody knows"
    if odd:
        return odd
    cert = _first_cert(key.content)
    try:
        result = check(file=f"/proc/self/fd/{fd}", store=lambda _ids: [cert], signature=sig)
    except (RuntimeError, ValueError, TypeError):
        return f"the image is not what key {key.fingerprint} signed, or that key may not sign"
    signers = [str(found.signing_key).lower() for found in result.valid_sigs]
    ended = _ended_subkeys(cert)
    gone = [signer for signer in signers if signer in ended]
    if gone:
        return f"key {gone[0]} expired"
    return "" if signers else "invalid signature"


def _oddity(sig: Sig) -> str:
    """Return why a signature like ``sig`` counts for nothing, whoever made it; "" if it may."""
    from pysequoia.packet import HashAlgorithm, SignatureType

    if sig.signature_type not in (SignatureType.Binary, SignatureType.Text):
        return "the signature is not one of a file"
    if sig.hash_algorithm in (HashAlgorithm.MD5, HashAlgorithm.SHA1, HashAlgorithm.RipeMD):
        return "the signature uses a digest that is not secure any more (MD5, SHA-1)"
    now = time.time()
    if sig.created is None or sig.created.timestamp() > now + _CLOCKS:
        return "the signature comes from the future: is this host's clock right?"
    if sig.expiration is not None and sig.expiration.timestamp() <= now:
        return f"the signature expired on {sig.expiration:%Y-%m-%d}"
    return ""


def _problem(cert: Cert, fingerprint: str) -> str:
    revoked = _asked(lambda: cert.is_revoked)
    if isinstance(revoked, str):
        return f"key {fingerprint} is not secure: {revoked}"
    if revoked:
        return f"key {fingerprint} is revoked"
    expiry = _asked(lambda: cert.expiration)
    if isinstance(expiry, str):
        return f"key {fingerprint} is not secure: {expiry}"
    if expiry is not None and expiry.timestamp() <= time.time():
        return f"key {fingerprint} expired on {expiry:%Y-%m-%d}"
    return ""


def _asked(question: Callable[[], T]) -> T | str:
    """Return the answer, or why the library's policy lets nobody ask a weak key."""
    try:
        return question()
    except (RuntimeError, ValueError) as error:
        head = str(error).partition("\n\nStack backtrace")[0]
        return " ".join(head.rpartition("Caused by:")[2].split())


def _identities(cert: Cert) -> tuple[str, ...]:
    found = _asked(lambda: [str(identity) for identity in cert.user_ids])
    return tuple(_shown(text) for text in found) if isinstance(found, list) else ()


def _subkeys(cert: Cert) -> tuple[str, ...]:
    from pysequoia.packet import PacketPile, Tag

    packets = PacketPile.from_bytes(bytes(cert))
    return tuple(p.fingerprint.lower() for p in packets if p.tag == Tag.PublicSubkey)


def _ended_subkeys(cert: Cert) -> set[str]:
    """Return the subkeys that expired: the library asks only whether they had when they signed."""
    from pysequoia.packet import PacketPile, Tag

    ends: dict[str, float] = {}  # the last binding of a subkey counts
    subkey, created = "", 0.0
    for packet in PacketPile.from_bytes(bytes(cert)):
        if packet.tag == Tag.PublicSubkey:
            subkey, created = packet.fingerprint.lower(), packet.key_created.timestamp()
        elif packet.tag == Tag.Signature and _binds(packet):
            validity = packet.key_validity_period
            ends.setdefault(subkey, created + validity.total_seconds() if validity else 0.0)
    return {key for key, end in ends.items() if end and end <= time.time()}


def _binds(packet: Packet) -> bool:
    """Return whether a signature is what makes a subkey one."""
    from pysequoia.packet import SignatureType

    try:
        return packet.signature_type == SignatureType.SubkeyBinding
    except (RuntimeError, ValueError):
        return False  # of a type the library has no word for: it counts for nothing there either


def _shown(text: str) -> str:
    """Return ``text`` of a stranger without what could steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _first_cert(content: bytes) -> Cert:
    _need_library()
    from pysequoia import Cert

    try:
        found = Cert.split_bytes(content)
    except (RuntimeError, ValueError) as error:
        raise KeyFileError("no public key", hint="export it with: gpg --export") from error
    if not found:
        raise KeyFileError("no public key", hint="export it with: gpg --export")
    return found[0]


def _signatures(content: bytes) -> list[Sig]:
    """Return every signature of a detached file, armoured or binary."""
    if len(content) > _LARGE:
        raise SignatureError(f"the signature file is larger than {_LARGE} bytes")
    _need_library()
    from pysequoia import Sig
    from pysequoia.packet import PacketPile, Tag

    try:
        packets = list(PacketPile.from_bytes(content))
        signatures = [p for p in packets if p.tag == Tag.Signature]
        if len(signatures) > _MANY:
            raise SignatureError(f"the signature file has more than {_MANY} signatures")
        found = [Sig.from_bytes(bytes(p)) for p in signatures]
    except (RuntimeError, ValueError):
        found = []
    if not found:
        raise SignatureError("keystore: no valid signatures found in signature file")
    return found


def _need_library() -> None:
    try:
        __import__("pysequoia")
    except ModuleNotFoundError as error:
        raise LibraryMissingError("verifying signatures", error) from None
