"""Images built for tests are whole, repeatable and named right."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.support import archive
from tests.support.images import Content, build_aci, image_id, image_key, image_manifest

if TYPE_CHECKING:
    from pathlib import Path

FILES: dict[str, Content] = {
    "/bin/app": b"#!/bin/sh\n",
    "/etc/config": "text",
    "/link": archive.symlink("../../etc/passwd"),
    "/same": archive.hardlink("rootfs/bin/app"),
    "/dev/null": archive.device("c", 1, 3),
    "/pipe": archive.fifo(),
    "/secret": archive.file("x", 0o600, uid=7, gid=8),
}


@pytest.fixture
def aci(tmp_path: Path) -> Path:
    return build_aci(tmp_path / "a.aci", name="example.com/app", files=FILES)


def test_every_file_arrives_with_its_attributes(aci: Path) -> None:
    with tarfile.open(aci) as image:
        found = {member.name: member for member in image}
    assert found["rootfs/bin/app"].mode == 0o755
    assert found["rootfs/etc/config"].mode == 0o644
    assert found["rootfs/link"].linkname == "../../etc/passwd"
    assert found["rootfs/same"].linkname == "rootfs/bin/app"
    assert (found["rootfs/dev/null"].devmajor, found["rootfs/dev/null"].devminor) == (1, 3)
    assert found["rootfs/pipe"].isfifo()
    secret = found["rootfs/secret"]
    assert (secret.mode, secret.uid, secret.gid) == (0o600, 7, 8)


def test_parents_come_before_what_is_in_them(aci: Path) -> None:
    with tarfile.open(aci) as image:
        names = image.getnames()
    assert names[:2] == ["manifest", "rootfs"]
    assert all(os.path.dirname(name) in names[: names.index(name)] for name in names if "/" in name)


def test_the_manifest_may_come_last(tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci", files=FILES, manifest_first=False)
    with tarfile.open(path) as image:
        assert image.getnames()[-1] == "manifest"


@pytest.mark.parametrize("compression", [None, *archive.COMPRESSIONS])
def test_compression_changes_neither_the_id_nor_the_repeatability(
    tmp_path: Path, aci: Path, compression: str | None
) -> None:
    first, second = (
        build_aci(tmp_path / name, name="example.com/app", files=FILES, compression=compression)
        for name in ("one.aci", "two.aci")
    )
    assert first.read_bytes() == second.read_bytes()
    assert image_id(first) == "sha512-" + hashlib.sha512(aci.read_bytes()).hexdigest()
    assert image_key(first) == image_id(aci)[: len("sha512-") + 64]


def test_a_directory_becomes_the_root(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").write_text("content")
    os.link(tree / "sub/file", tree / "sub/other")
    path = build_aci(tmp_path / "a.aci", tree=tree)
    with tarfile.open(path) as image:
        content = image.extractfile("rootfs/sub/other")
        assert content is not None
        assert content.read() == b"content"
        assert image.getmember("rootfs/sub/other").islnk()


def test_the_manifest_says_what_was_asked_for(tmp_path: Path) -> None:
    path = build_aci(
        tmp_path / "a.aci",
        name="example.com/app",
        exec=["/bin/app", "-x"],
        app={"workingDirectory": "/etc"},
        labels={"version": "1"},
        annotations={"authors": "me"},
        dependencies=[{"imageName": "example.com/base"}],
    )
    with tarfile.open(path) as image:
        raw = image.extractfile("manifest")
        assert raw is not None
        manifest = json.load(raw)
    assert manifest["app"]["exec"] == ["/bin/app", "-x"]
    assert manifest["app"]["workingDirectory"] == "/etc"
    assert manifest["labels"] == [{"name": "version", "value": "1"}]
    assert manifest["annotations"] == [{"name": "authors", "value": "me"}]
    assert manifest["dependencies"] == [{"imageName": "example.com/base"}]


def test_an_image_may_have_no_app() -> None:
    assert "app" not in image_manifest("example.com/data", exec=None)


def test_names_that_are_no_text_keep_their_bytes(tmp_path: Path) -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    path = build_aci(tmp_path / "a.aci", files={f"/{name}": "x"})
    assert b"rootfs/caf\xe9" in path.read_bytes()


def test_long_names_survive(tmp_path: Path) -> None:
    name = "/".join(["d" * 100] * 5)
    path = build_aci(tmp_path / "a.aci", files={name: "x"})
    with tarfile.open(path) as image:
        assert f"rootfs/{name}" in image.getnames()
