"""Distribution points (rkt: pkg/distribution's tests, and what it could not read back)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.image.reference import ImageReferenceError, Kind, parse_reference

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        (
            "aci-archive:v=0:file%3A%2F%2F%2Ffull%2Fpath%2Ffile.aci",
            Kind.FILE,
            "/full/path/file.aci",
        ),
        ("aci-archive:v=0:file%3A%2F%2F%2Fpath%2Ffile", Kind.FILE, "/path/file"),
        (
            "aci-archive:v=0:https%3A%2F%2Ftest.com%2Ff.aci%3Fz%3D1%26a%3D2",
            Kind.URL,
            "https://test.com/f.aci?z=1&a=2",
        ),
        ("aci-archive:0:http%3A%2F%2Ftest.com%2Fother", Kind.URL, "http://test.com/other"),
        ("docker:v=0:busybox", Kind.DOCKER, "docker://busybox"),
        ("docker:v=0:x.org:5000/a/b:1", Kind.DOCKER, "docker://x.org:5000/a/b:1"),
        ("appc:v=0:example.com/app01", Kind.NAME, "example.com/app01"),
        ("appc:v=0:example.com%2Fapp01?version=v1", Kind.NAME, "example.com/app01:v1"),
        (
            "appc:v=0:example.com/app01?label01=%3F%26%2A%2F&version=v1.0.0&version=v2",
            Kind.NAME,
            "example.com/app01:v1.0.0,label01=?&*/",
        ),
    ],
)
def test_a_point_is_the_image_it_names(text: str, kind: str, what: str) -> None:
    found = parse_reference(f"cimd:{text}")

    assert (found.kind, found.text) == (kind, f"cimd:{text}")
    assert (
        what
        == {
            Kind.FILE: found.path,
            Kind.URL: found.url,
            Kind.DOCKER: found.url,
            Kind.NAME: str(found.name),
        }[kind]
    )


@pytest.mark.parametrize(
    ("query", "tag"), [("", ""), ("?ref=v1%2Ba", "v1+a"), ("?x=1&ref=a&ref=b", "a")]
)
def test_an_oci_layout_is_what_its_argument_would_be(tmp_path: Path, query: str, tag: str) -> None:
    (tmp_path / "archive: 1.tar").touch()
    directory = parse_reference(f"cimd:oci-image-layout:v=0:file%3A%2F%2F{tmp_path}{query}")
    archive = parse_reference(
        f"cimd:oci-image-layout:v=0:file%3A%2F%2F{tmp_path}%2Farchive%3A%201.tar{query}"
    )

    assert directory == parse_reference(f"oci:{tmp_path}:{tag}").replace(text=directory.text)
    assert (archive.kind, archive.path, archive.tag) == (
        Kind.OCI_ARCHIVE, f"{tmp_path}/archive: 1.tar", tag,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cimd:docker", 'malformed distribution uri "cimd:docker": malformed distribution uri: "'),
        ("cimd:docker:v=0", "malformed distribution uri"),
        ("cimd:docker:v=x:busybox", "malformed distribution version: v=x"),
        ("cimd:docker:v=-1:busybox", "malformed distribution version: v=-1"),
        ("cimd:docker:v=9:busybox", "unsupported distribution version: v=9"),
        ("cimd:oci:v=0:busybox", 'unknown distribution type: "oci"'),
        ("cimd:aci-archive:v=0:ftp%3A%2F%2Fx.org%2Fa.aci", 'an unsupported URL scheme "ftp" - the'),
        ("cimd:aci-archive:v=0:a.aci", 'an unsupported URL scheme ""'),
        ("cimd:oci-image-layout:v=0:https%3A%2F%2Fx.org%2Fa", "an OCI layout is a file URL"),
        ("cimd:oci-image-layout:v=0:file%3A", "an OCI layout is a file URL"),
        ("cimd:appc:v=0:UPPER", "wrong appc image string"),
        ("cimd:appc:v=0:a?B=c", "wrong appc image string"),
    ],
)
def test_what_is_no_point_is_refused_in_rkts_words(text: str, words: str) -> None:
    with pytest.raises(ImageReferenceError) as said:
        parse_reference(text)
    assert words in said.value.message
