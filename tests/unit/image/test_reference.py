"""What an image argument is taken for (rkt: TestGuessAppcOrPath, TestDistFromImageString)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.image.reference import ImageReferenceError, Kind, parse_reference

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sha512-abc", Kind.HASH),
        ("sha512-not-existed", Kind.NAME),
        ("/abs/file.aci", Kind.FILE),
        ("./file.aci", Kind.FILE),
        ("../dir/file.aci", Kind.FILE),
        ("file.aci", Kind.FILE),
        ("file:///abs/file.aci", Kind.FILE),
        ("http://example.com/a.aci", Kind.URL),
        ("https://example.com:8443/a.aci?x=1", Kind.URL),
        ("docker://busybox", Kind.DOCKER),
        ("docker:busybox:1.2", Kind.DOCKER),
        ("oci:dir:1.2", Kind.OCI),
        ("oci-archive:/a.tar", Kind.OCI_ARCHIVE),
        ("docker-archive:a.tar:x/y:1", Kind.DOCKER_ARCHIVE),
        ("example.com/app", Kind.NAME),
        ("example.com/app:v1.0", Kind.NAME),
        ("example.com/app:v1,os=linux", Kind.NAME),
        ("my-app:v1.0", Kind.NAME),
        ("localhost:5000/x", Kind.NAME),
        ("busybox", Kind.NAME),
    ],
)
def test_the_kind_follows_rkts_rules(text: str, kind: str) -> None:
    ref = parse_reference(text)

    assert (ref.kind, ref.text) == (kind, text)


def test_an_existing_file_is_a_file_whatever_its_name_looks_like(tmp_path: Path) -> None:
    (tmp_path / "a:b.aci").touch()

    assert parse_reference("./a:b.aci").path == os.path.join(os.getcwd(), "a:b.aci")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/abs/../file.aci", "/file.aci"),
        ("file:///a%20b.aci", "/a b.aci"),
        ("file://localhost/a.aci", "/a.aci"),
        ("/a%20b.aci", "/a%20b.aci"),
        ("/what?.aci", "/what?.aci"),
    ],
)
def test_files_get_absolute_paths_and_only_urls_are_unescaped(text: str, path: str) -> None:
    assert parse_reference(text).path == path


def test_a_file_of_layers_has_a_path_and_maybe_a_tag(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()

    found = [parse_reference(f"oci:{text}") for text in ("d", "d:x/y:1", "a:b", "/a/d:1")]
    assert [(os.path.relpath(ref.path), ref.tag) for ref in found[:3]] == [
        ("d", ""),
        ("d", "x/y:1"),
        ("a:b", ""),
    ]
    assert (found[3].path, found[3].tag) == ("/a/d", "1")


def test_names_keep_what_was_typed() -> None:
    name = parse_reference("example.com/app:v1,arch=arm64").name

    assert name is not None
    assert (name.name, name.label("version"), name.label("os")) == ("example.com/app", "v1", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/abs/file", 'invalid image string "file:///abs/file"'),
        ("./file", "invalid image string"),
        ("http://example.com/a.tar", 'invalid image string "http://example.com/a.tar"'),
        ("oci:", 'invalid image string "oci:"'),
        ("docker:///redis", 'invalid image string "docker:///redis"'),
        ("a_b:1", 'failed to parse image url "a_b:1"'),
        (":x", 'failed to parse image url ":x"'),
        ("Example.com/App", 'invalid image string "Example.com/App"'),
        ("", "invalid image string"),
    ],
)
def test_what_names_no_image_is_refused(text: str, words: str) -> None:
    with pytest.raises(ImageReferenceError, match=words):
        parse_reference(text)
