"""What a signature is worth."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.image.trust.openpgp import (
    KeyFileError,
    PublicKey,
    SignatureError,
    UnknownSignerError,
    has_issuer,
    issuers,
    read_key,
    verify,
)
from tests.unit.image.trust.keys import Signer

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = b"an image"
NAME = "example.com/app"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("Alice <alice@example.com>")


@pytest.fixture(scope="module")
def stranger() -> Signer:
    return Signer("Mallory")


@pytest.fixture
def image() -> Iterator[int]:
    fd = os.memfd_create("image")
    os.write(fd, DATA)
    yield fd
    os.close(fd)


def _key(signer: Signer) -> PublicKey:
    return read_key(signer.public)


def test_a_good_signature_tells_who_made_it(signer: Signer, stranger: Signer, image: int) -> None:
    verdict = verify(signer.sign(DATA), image, [_key(stranger), _key(signer)], NAME)

    assert verdict.fingerprint == signer.fingerprint
    assert verdict.identities == ("Alice <alice@example.com>",)


def test_a_key_is_read_armoured_and_binary(signer: Signer) -> None:
    armoured, binary = read_key(signer.public), read_key(bytes(signer.cert))

    assert armoured.fingerprint == binary.fingerprint == signer.fingerprint
    assert len(armoured.subkeys) == 2
    assert armoured.problem == ""


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"])
def test_what_is_no_key_is_refused(content: bytes) -> None:
    with pytest.raises(KeyFileError, match="no public key"):
        read_key(content)


def test_a_stranger_is_named_as_rkt_did(signer: Signer, stranger: Signer, image: int) -> None:
    with pytest.raises(UnknownSignerError) as said:
        verify(stranger.sign(DATA), image, [_key(signer)], NAME)

    assert said.value.message == "openpgp: signature made by unknown entity"
    assert 'trust --prefix "example.com/app"' in str(said.value.hint)


def test_a_signature_of_something_else_is_refused(signer: Signer, image: int) -> None:
    with pytest.raises(SignatureError, match="is not what key"):
        verify(signer.sign(DATA + b"!"), image, [_key(signer)], NAME)


def test_one_flipped_bit_anywhere_in_an_image_is_found(signer: Signer, image: int) -> None:
    signature = signer.sign(DATA)
    for bit in range(len(DATA) * 8):
        changed = bytearray(DATA)
        changed[bit // 8] ^= 1 << bit % 8
        os.pwrite(image, changed, 0)
        with pytest.raises(SignatureError):
            verify(signature, image, [_key(signer)], NAME)


def test_a_damaged_signature_is_refused_and_nothing_else_happens(
    signer: Signer, image: int
) -> None:
    signature = signer.sign(DATA)
    for position in range(0, len(signature), 3):
        damaged = bytearray(signature)
        damaged[position] ^= 0x04
        try:
            verdict = verify(bytes(damaged), image, [_key(signer)], NAME)
        except SignatureError:
            continue
        # Base64 and armour have a few bits to spare, which then change nothing.
        assert verdict.fingerprint == signer.fingerprint


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN PGP SIGNATURE-----\n\nAAAA\n"])
def test_what_is_no_signature_is_said_in_rkts_words(
    signer: Signer, image: int, content: bytes
) -> None:
    with pytest.raises(
        SignatureError, match="keystore: no valid signatures found in signature file"
    ):
        verify(content, image, [_key(signer)], NAME)


def test_one_good_signature_of_several_is_enough(
    signer: Signer, stranger: Signer, image: int
) -> None:
    from pysequoia import Sig

    both = b"".join(bytes(Sig.from_bytes(one.sign(DATA))) for one in (stranger, signer))

    assert verify(both, image, [_key(signer)], NAME).fingerprint == signer.fingerprint


def _relabelled(signature: bytes, old: Signer, new: Signer) -> bytes:
    """Return a signature, unarmoured, that names ``new`` as its issuer wherever it named ``old``
    (fingerprint and key ID, RFC 9580, 5.2.3.35 and 5.2.3.12); its numbers stay.
    """
    from pysequoia import Sig

    content = bytes(Sig.from_bytes(signature))
    one, other = (bytes.fromhex(who) for who in (_issuing(old), _issuing(new)))
    assert one in content
    return content.replace(one, other).replace(one[-8:], other[-8:])


def _issuing(signer: Signer) -> str:
    return next(text for text in issuers(signer.sign(b"")) if len(text) == 40)


def test_whom_a_signature_names_decides_who_is_asked_and_not_who_made_it(
    signer: Signer, stranger: Signer, image: int
) -> None:
    """A stranger's that names a trusted key, and a trusted key's that names a stranger."""
    claims, disowned = (
        _relabelled(one.sign(DATA), one, other)
        for one, other in ((stranger, signer), (signer, stranger))
    )
    known = [_key(signer)]

    assert has_issuer(known[0], issuers(claims))
    with pytest.raises(SignatureError, match="is not what key"):
        verify(claims, image, known, NAME)
    with pytest.raises(UnknownSignerError):
        verify(disowned, image, known, NAME)
    with pytest.raises(SignatureError, match="is not what key"):
        verify(disowned, image, [_key(stranger)], NAME)


def test_issuers_that_nobody_signed_make_no_other_signer(
    signer: Signer, stranger: Signer, image: int
) -> None:
    """Of the two areas of a signature one is not signed: there anybody can write another issuer."""
    from pysequoia import Sig

    content = bytes(Sig.from_bytes(signer.sign(DATA)))
    lie = bytes([9, 16]) + bytes.fromhex(_issuing(stranger))[-8:]  # length, "issuer key ID"
    told = _with_unhashed(content, lie)

    for keys in ([_key(signer), _key(stranger)], [_key(stranger), _key(signer)]):
        assert verify(told, image, keys, NAME).fingerprint == signer.fingerprint
    with pytest.raises(SignatureError):
        verify(told, image, [_key(stranger)], NAME)


def _with_unhashed(content: bytes, subpacket: bytes) -> bytes:
    """Return a signature packet with one more subpacket, the first of those not signed."""
    from pysequoia.packet import PacketPile

    (packet,) = PacketPile.from_bytes(content)
    body = packet.body
    assert body[0] == 4
    start = 6 + int.from_bytes(body[4:6], "big")  # RFC 9580, 5.2.3
    length = int.from_bytes(body[start : start + 2], "big") + len(subpacket)
    body = body[:start] + length.to_bytes(2, "big") + subpacket + body[start + 2 :]
    return bytes(b"\xc2\xff" + len(body).to_bytes(4, "big") + body)


def test_a_revoked_key_vouches_for_nothing(image: int) -> None:
    signer = Signer()
    signature = signer.sign(DATA)
    key = read_key(signer.revoked())

    assert key.problem == f"key {signer.fingerprint} is revoked"
    with pytest.raises(SignatureError, match="is revoked"):
        verify(signature, image, [key], NAME)


def test_a_key_claims_signatures_of_its_subkeys(signer: Signer, stranger: Signer) -> None:
    claimed = issuers(signer.sign(DATA))

    assert has_issuer(_key(signer), claimed)
    assert not has_issuer(_key(stranger), claimed)
    assert not has_issuer(_key(signer), ())


def test_what_a_key_calls_itself_cannot_steer_the_terminal() -> None:
    assert read_key(Signer("E\x1b[2Jve").public).identities == ("E?[2Jve",)
