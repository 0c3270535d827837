"""Pull policies and their words; nothing is rendered, so no root is needed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.cli.errors import describe
from rktpy.errors import RktError
from rktpy.image.fetch import fetch
from rktpy.image.reference import parse_reference
from rktpy.layout import Layout
from rktpy.store.database import Remote
from rktpy.store.images import ImageStore
from rktpy.store.importing import Terms
from rktpy.store.index import Index
from rktpy.verbs.image.fetching import means_of
from rktpy.verbs.site import Insecure, Site
from tests.support.images import build_aci

if TYPE_CHECKING:
    from pathlib import Path

NOT_FOUND = (
    "either image was not found in the store or store was disabled and fetching from remote"
    " yielded nothing or it was disabled"
)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(Layout(str(tmp_path / "data")))


def _stored(store: ImageStore, path: Path) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return store.add_aci(fd, Terms(render=False))
    finally:
        os.close(fd)


def _fetch(store: ImageStore, text: str, policy: str = "new", insecure: str = "image") -> str:
    site = Site(local_config="/none", system_config="/none", insecure=Insecure.parse(insecure))
    return fetch(store, parse_reference(text), means_of(site, policy))


def _words(store: ImageStore, text: str, policy: str = "new", insecure: str = "image") -> str:
    with pytest.raises(RktError) as caught:
        _fetch(store, text, policy, insecure)
    return describe("fetch", caught.value, debug=False)


@pytest.mark.parametrize("policy", ["never", "new"])
def test_a_stored_image_is_found_by_name_hash_and_url(
    store: ImageStore, tmp_path: Path, policy: str
) -> None:
    key = _stored(store, build_aci(tmp_path / "a.aci"))
    store.put_remote(Remote("https://example.com/a.aci", key))

    for text in ("example.com/app", key, key[:12], "https://example.com/a.aci"):
        assert _fetch(store, text, policy) == key


@pytest.mark.parametrize(
    ("text", "policy", "start"),
    [
        ("example.com/none", "never", 'unable to fetch image from image name "example.com/none": '),
        ("https://x.org/a.aci", "never", 'unable to fetch image from URL "https://x.org/a.aci": '),
        ("docker://busybox", "never", 'unable to fetch docker image from URL "docker://busybox": '),
    ],
)
def test_what_cannot_be_had_is_said_in_rkts_words(
    store: ImageStore, tmp_path: Path, text: str, policy: str, start: str
) -> None:
    _stored(store, build_aci(tmp_path / "a.aci"))

    assert _words(store, text, policy).startswith(f"fetch: {start}{NOT_FOUND}")


def test_an_unknown_hash_is_said_with_its_reason(store: ImageStore) -> None:
    line = _words(store, "sha512-1234")

    assert line.startswith('fetch: could not resolve image "sha512-1234": no image IDs found')


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing.aci", "error opening ACI file: {path}: no such file or directory"),
        ("directory.aci", "error opening ACI file: {path} is a directory"),
        ("pipe.aci", "error opening ACI file: {path} is not a regular file"),
        ("text.aci", 'cannot import image "{path}": error: unknown image filetype'),
    ],
)
def test_a_bad_file_is_one_clear_line(
    store: ImageStore, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "directory.aci").mkdir()
    os.mkfifo(tmp_path / "pipe.aci")
    (tmp_path / "text.aci").write_text("hello")
    path = str(tmp_path / name)

    assert _words(store, path) == "fetch: " + words.format(path=path)


def test_a_file_needs_a_signature_or_the_users_word(store: ImageStore, tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci")

    line = _words(store, str(path), insecure="none")
    assert line.startswith(f"fetch: error opening signature file: {path}.asc: no such file")
    assert "--insecure-options=image" in line

    (tmp_path / "a.aci.asc").touch()
    assert "no valid signatures found" in _words(store, str(path), insecure="none")
    assert store.images() == []


def test_an_image_whose_dependency_is_missing_says_which(store: ImageStore, tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci", dependencies=[{"imageName": "example.com/base"}])
    key = _stored(store, path)

    line = _words(store, "example.com/app", "never")
    assert line.startswith('fetch: unable to fetch image from image name "example.com/base": ')
    assert [image.key for image in store.images()] == [key]


def test_a_library_that_is_not_there_is_named(
    store: ImageStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("rktpy.image.remote", "rktpy.host.http.client"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr(sys.modules["rktpy.image"], "remote", raising=False)
    monkeypatch.setitem(sys.modules, "urllib3", None)
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    path = build_aci(tmp_path / "a.aci")
    (tmp_path / "a.aci.asc").touch()

    assert "downloading needs the Python library urllib3" in _words(store, "https://x.org/a.aci")
    line = _words(store, str(path), insecure="none")
    assert "verifying signatures needs the Python library pysequoia (install it" in line


@pytest.mark.parametrize("wanted", ["example.com/victim", "example.com/app:2.0.0"])
def test_an_image_is_not_what_only_the_index_calls_it(
    store: ImageStore, tmp_path: Path, wanted: str
) -> None:
    _stored(store, build_aci(tmp_path / "a.aci"))
    name, _, version = wanted.partition(":")
    labels = f'[["version","{version}"]]' if version else None
    change = "UPDATE image SET name=?, labels=coalesce(?, labels)"
    Index(store.layout).change(lambda db: db.execute(change, (name, labels)))

    said = _words(ImageStore(store.layout), wanted, "never")

    assert f'is "{wanted}", the image itself says "example.com/app"' in said
    assert "rktpy image rm sha512-" in said
