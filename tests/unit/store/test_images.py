"""Adding, finding and removing images without root: nothing is rendered."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.appc.errors import AppcError
from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.layout import Layout
from rktpy.store.errors import ImageNotFoundError, StoreError
from rktpy.store.images import ImageStore
from rktpy.store.importing import Terms, WrongHashError
from rktpy.store.needs import LayerNeeds
from tests.support.archive import COMPRESSIONS, Entry, tar_bytes
from tests.support.hostile import MANIFEST, ROOTFS
from tests.support.images import build_aci, image_id, image_key

if TYPE_CHECKING:
    from pathlib import Path

    from rktpy.appc.image import ImageManifest


NO_TREE = Terms(render=False)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(Layout(str(tmp_path / "data")))


def _add(store: ImageStore, path: Path, terms: Terms = NO_TREE) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        return store.add_aci(fd, terms)
    finally:
        os.close(fd)


def _files(layout: Layout) -> list[str]:
    return [name for _, _, names in os.walk(layout.cas) for name in names if "sha512" in name]


@pytest.mark.parametrize("compression", [None, *COMPRESSIONS])
def test_every_compression_gives_the_same_image(
    store: ImageStore, tmp_path: Path, compression: str | None
) -> None:
    path = build_aci(tmp_path / "a.aci", files={"/bin/app": b"x" * 9000}, compression=compression)

    key = _add(store, path)

    assert key == image_key(path)
    (image,) = store.images()
    assert f"sha512-{image.digest}" == image_id(path)
    assert image.size == os.stat(store.layout.blob(key)).st_size
    assert image.tree_size == 0
    assert store.manifest(key).name == "example.com/app"
    assert os.listdir(store.layout.cas_tmp) == []


def test_an_image_is_found_by_hash_name_and_labels(store: ImageStore, tmp_path: Path) -> None:
    one = _add(store, build_aci(tmp_path / "1.aci", labels={"version": "1"}))
    two = _add(store, build_aci(tmp_path / "2.aci", labels={"version": "2"}))

    assert store.resolve(one[:20]) == one
    assert store.find("example.com/app", {"version": "1"}) == one
    assert store.find_or_key("example.com/app:1") == one
    assert store.find_or_key("example.com/app") == two  # the newest
    assert store.find_or_key(one[:20]) == one
    assert store.find("example.com/app", {"version": "3"}) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sha512-not-existed", "cannot find aci satisfying name"),
        ("some~random~aci~name", 'cannot find aci satisfying name: "some~random~aci~name"'),
        ("sha512-1", "image ID too short"),
        ("Example.COM", "cannot parse the image name"),
    ],
)
def test_unknown_images_say_what_was_looked_for(store: ImageStore, text: str, words: str) -> None:
    with pytest.raises(ImageNotFoundError, match=words):
        store.find_or_key(text)


def test_the_manifest_stored_is_the_reference_librarys_form(
    store: ImageStore, tmp_path: Path
) -> None:
    key = _add(store, build_aci(tmp_path / "a.aci", labels={}, surprise=1))

    assert store.manifest_bytes(key) == (
        b'{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/app",'
        b'"app":{"exec":["/bin/app"],"user":"0","group":"0"}}'
    )


def test_padding_after_the_end_mark_belongs_to_the_image(store: ImageStore, tmp_path: Path) -> None:
    path = tmp_path / "a.aci"
    path.write_bytes(tar_bytes([MANIFEST, ROOTFS]) + bytes(5 << 20))

    assert _add(store, path) == image_key(path)


def test_another_image_than_expected_is_refused(store: ImageStore, tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci")

    with pytest.raises(WrongHashError, match="image hash does not match expected"):
        _add(store, path, NO_TREE.replace(expect="sha512-" + "0" * 128))
    assert store.images() == []
    assert _add(store, path, NO_TREE.replace(expect=image_id(path))) == image_key(path)


def test_limits_are_kept(store: ImageStore, tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci", files={f"/f{n}": b"" for n in range(50)})

    with pytest.raises(ArchiveError, match="more than 20 entries"):
        _add(store, path, NO_TREE.replace(limits=Limits(entries=20)))
    with pytest.raises(ArchiveError, match="larger than 100 bytes"):
        _add(store, path, NO_TREE.replace(limits=Limits(stream=100)))


def test_an_unchanged_file_is_known_again(store: ImageStore, tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci")
    os.utime(path, (1, 1))
    key = _add(store, path)
    deadline = os.stat(path).st_ctime_ns + 200_000_000
    while _now() < deadline:
        pass  # a file changed this moment is not trusted yet
    _add(store, path)
    first = store.images()[0].imported_at
    inode = os.stat(store.layout.blob(key)).st_ino

    assert _add(store, path) == key
    assert os.stat(store.layout.blob(key)).st_ino == inode  # not written again
    assert store.images()[0].imported_at > first


def test_a_changed_file_is_read_again(store: ImageStore, tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci", name="example.com/one")
    os.utime(path, (1, 1))
    _add(store, path)
    build_aci(path, name="example.com/two")
    os.utime(path, (1, 1))

    assert store.manifest(_add(store, path)).name == "example.com/two"


def test_an_image_that_is_removed_while_its_layers_are_looked_for_needs_none(
    store: ImageStore, tmp_path: Path
) -> None:
    class Listed(ImageStore):
        """The list that was read before the image went."""

        listed: tuple[str, ...] = (_add(store, build_aci(tmp_path / "a.aci")),)

        def stored_keys(self) -> list[str]:
            found, self.listed = self.listed, ()
            return list(found)

    listed = Listed(store.layout)
    for key in listed.listed:
        store.remove(key)

    assert LayerNeeds(listed).now() == frozenset()


def test_a_removed_image_is_gone_whole(store: ImageStore, tmp_path: Path) -> None:
    key = _add(store, build_aci(tmp_path / "a.aci"))

    assert store.remove(key) == []
    assert _files(store.layout) == []
    with pytest.raises(ImageNotFoundError):
        store.remove(key)


def test_a_missing_manifest_or_blob_says_fetch_again(store: ImageStore, tmp_path: Path) -> None:
    key = _add(store, build_aci(tmp_path / "a.aci"))
    os.unlink(store.layout.blob(key))
    os.unlink(store.layout.image_manifest(key))

    for ask in (store.manifest_bytes, store.open_blob):
        with pytest.raises(StoreError) as caught:
            ask(key)
        assert caught.value.hint == "fetch the image again"
    assert store.images() == []


def test_files_without_a_row_are_orphans(store: ImageStore, tmp_path: Path) -> None:
    key = _add(store, build_aci(tmp_path / "a.aci"))
    stray = "sha512-" + "0" * 64
    os.makedirs(os.path.dirname(store.layout.blob(stray)))
    with open(store.layout.blob(stray), "w"):
        pass

    assert store.orphans() == [stray]
    store.remove_orphan(stray)
    store.remove_orphan(key)  # is none, so it stays
    assert store.orphans() == []
    assert [image.key for image in store.images()] == [key]


def test_an_image_with_a_bad_manifest_names_the_rule(store: ImageStore, tmp_path: Path) -> None:
    path = build_aci(tmp_path / "a.aci", manifest={"acKind": "ImageManifest"})

    with pytest.raises(AppcError, match="acVersion must be set"):
        _add(store, path)


def test_using_an_image_makes_it_recent(store: ImageStore, tmp_path: Path) -> None:
    key = _add(store, build_aci(tmp_path / "a.aci", files={"/a": Entry("", b"x")}))
    os.utime(store.layout.image_manifest(key), (1, 1))
    assert store.images()[0].last_used == 10**9

    store.touch(key)

    assert store.images()[0].last_used > 10**18


def _now() -> int:
    import time

    return time.time_ns()


def test_a_file_that_changes_while_it_is_checked_is_refused(
    store: ImageStore, tmp_path: Path
) -> None:
    path = build_aci(tmp_path / "a.aci")

    def vouch(_manifest: ImageManifest) -> str:
        path.write_bytes(path.read_bytes() + bytes(512))
        return "fingerprint"

    with pytest.raises(StoreError, match="the image file changed while it was read"):
        _add(store, path, NO_TREE.replace(vouch=vouch))
    assert store.images() == []


def test_names_lead_to_verified_images_where_that_is_demanded(
    store: ImageStore, tmp_path: Path
) -> None:
    signed = build_aci(tmp_path / "signed.aci", files={"/a": "signed"})
    unsigned = build_aci(tmp_path / "unsigned.aci", files={"/a": "unsigned"})
    keys = [
        _add(store, signed, NO_TREE.replace(vouch=lambda _: "fingerprint")),
        _add(store, unsigned),
    ]
    strict = ImageStore(store.layout, signed_only=True)

    assert store.find("example.com/app") == keys[1]
    assert strict.find("example.com/app") == keys[0]
    assert strict.find("example.com/app", unsigned=True) == keys[1]
    assert strict.resolve(keys[1]) == keys[1]
    assert [strict.accepts(key) for key in keys] == [True, False]
    assert [image.verified_by for image in store.images()] == ["fingerprint", ""]
