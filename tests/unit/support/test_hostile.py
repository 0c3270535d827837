"""The hostile images are hostile in the one way they claim, and nothing else is wrong with them."""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.support.hostile import (
    GIB,
    Hostile,
    gzip_bomb,
    hostile_images,
    million_entries,
    odd_names_image,
    stream_bomb,
)
from tests.support.images import image_manifest
from tests.support.manifests import broken_manifests

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1 << 20


def _image(name: str) -> Hostile:
    return next(image for image in hostile_images() if image.name == name)


def test_names_are_unique_and_make_file_names(tmp_path: Path) -> None:
    images = hostile_images(slow=False)
    paths = {image.write(tmp_path) for image in images if not image.slow}
    assert len(paths) == len([image for image in images if not image.slow])


def test_a_gzip_bomb_is_one_correct_stream(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    gzip_bomb(path, 32 * MIB)
    data = zlib.decompress(path.read_bytes(), 31)  # checks the sum and that nothing follows
    with gzip.open(path) as stream, tarfile.open(fileobj=stream) as image:
        assert image.getmember("rootfs/zeros").size == 32 * MIB
    assert len(data) > 32 * MIB
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize("compression", ["xz", "bzip2", "zstd"])
def test_a_stream_bomb_unpacks_to_its_size(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "bomb"
    stream_bomb(path, compression, 4 * MIB, chunk=MIB)
    assert path.stat().st_size < 100_000
    if compression != "zstd":
        with tarfile.open(path) as image:
            assert image.getmember("rootfs/zeros").size == 4 * MIB


def test_the_full_bomb_is_10_gb_in_10_mb(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    gzip_bomb(path, 10 * GIB)
    assert path.stat().st_size < 11 * MIB


def test_patched_headers_are_correct_ones(tmp_path: Path) -> None:
    path = tmp_path / "many"
    million_entries(path, count=1100)
    with tarfile.open(path) as image:  # refuses a header with a wrong sum
        files = [member.name for member in image if member.isreg()]
    assert len(set(files)) == 1100 + 1  # and the manifest


def test_a_good_manifest_is_what_the_broken_ones_differ_from() -> None:
    good = json.dumps(image_manifest("example.com/app")).encode()
    assert all(broken.raw != good for broken in broken_manifests())
    names = [broken.name for broken in broken_manifests()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("dot dot", lambda image: any(".." in name for name in image.getnames())),
        ("absolute name", lambda image: "/tmp/escaped" in [m.name for m in image.getmembers()]),
        ("no rootfs", lambda image: image.getnames() == ["manifest"]),
        ("no manifest", lambda image: "manifest" not in image.getnames()),
        ("duplicate file", lambda image: image.getnames().count("rootfs/a") == 2),
        ("through a symlink", lambda image: image.getmember("rootfs/out").issym()),
        ("hard link to host", lambda image: image.getmember("rootfs/p").linkname == "/etc/passwd"),
    ],
)
def test_an_image_has_the_flaw_of_its_name(
    tmp_path: Path, name: str, holds: Callable[[tarfile.TarFile], bool]
) -> None:
    with tarfile.open(_image(name).write(tmp_path)) as image:
        assert holds(image)


def test_a_truncated_tar_ends_inside_a_member(tmp_path: Path) -> None:
    with (
        tarfile.open(_image("truncated tar").write(tmp_path)) as image,
        pytest.raises(tarfile.ReadError, match="unexpected end of data"),
    ):
        image.getmembers()


def test_odd_names_are_bytes_in_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "odd"
    odd_names_image(path)
    assert b"rootfs/odd/\xff\xfe" in path.read_bytes()
