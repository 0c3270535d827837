"""The document of an image of layers: one spelling, and nothing else is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.appc.image import ImageManifest
from rktpy.codec import compact
from rktpy.store.document import Document, DocumentError, key_of, parse_document, read_document
from rktpy.store.errors import ImageDamagedError
from rktpy.store.layers import LayerError, layer_name
from tests.support.images import image_manifest

if TYPE_CHECKING:
    from pathlib import Path

A, B = "sha256:" + "a" * 64, "sha512:" + "b" * 128


def _manifest(**rest: object) -> dict[str, object]:
    return {**image_manifest("example.com/app"), **rest}


def _document(*diff_ids: str) -> Document:
    return Document(diff_ids, ImageManifest.from_object(_manifest()))


def test_a_document_survives_being_written_and_is_always_written_the_same() -> None:
    text = _document(A, B).to_bytes()

    assert parse_document(text) == _document(A, B)
    assert parse_document(text).to_bytes() == text
    assert text.startswith(b'{"diffIDs":["sha256:aaa')


def test_the_strongest_layer_comes_first_and_none_twice() -> None:
    assert _document(A, B, A).stack() == (A, B)


@pytest.mark.parametrize(
    "stored",
    [
        [],
        {"diffIDs": [A]},
        {"diffIDs": [A], "manifest": _manifest(), "more": 1},
        {"diffIDs": [], "manifest": _manifest()},
        {"diffIDs": A, "manifest": _manifest()},
        {"diffIDs": [1], "manifest": _manifest()},
        {"diffIDs": ["sha256:../../etc"], "manifest": _manifest()},
        {"diffIDs": [A.upper()], "manifest": _manifest()},
        {"diffIDs": [A] * 201, "manifest": _manifest()},
        {"diffIDs": [A], "manifest": {}},
        {"diffIDs": [A], "manifest": _manifest(pathWhitelist=["/a"])},
        {"diffIDs": [A], "manifest": _manifest(dependencies=[{"imageName": "example.com/b"}])},
    ],
)
def test_anything_else_is_refused(stored: object) -> None:
    with pytest.raises(DocumentError):
        parse_document(compact(stored).encode())


@pytest.mark.parametrize("text", [b"", b"{", b'{"diffIDs":[', b"\xff"])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(DocumentError):
        parse_document(text)


@pytest.mark.parametrize("diff_id", ["", "sha256", "sha256:", "md5:" + "a" * 32, "sha512:" + A[7:]])
def test_only_digests_name_layers(diff_id: str) -> None:
    with pytest.raises(LayerError):
        layer_name(diff_id)


def test_a_blob_is_an_archive_or_has_its_hash(tmp_path: Path) -> None:
    text = _document(A).to_bytes()
    key, digest = key_of(text)
    blob = tmp_path / "blob"

    assert digest.startswith(key.removeprefix("sha512-"))
    for content, expected in ((text, _document(A)), (b"manifest\0", None), (b"{", None)):
        blob.write_bytes(content)
        assert read_document(str(blob), key) == expected
    blob.write_bytes(text + b" ")
    with pytest.raises(ImageDamagedError, match="does not have its hash"):
        read_document(str(blob), key)
    blob.unlink()
    with pytest.raises(FileNotFoundError):
        read_document(str(blob), key)
