"""What an import leaves on disk as root: the files of the image exactly as it says."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.errors import RktError
from rktpy.host.archive.limits import Devices
from rktpy.store.importing import Terms
from rktpy.store.trees import Trees
from tests.integration.store.support import a_store, add, leftovers, tree_of
from tests.support import archive, command
from tests.support.archive import Entry
from tests.support.hostile import Hostile, device_image, hostile_images, odd_names_image
from tests.support.images import build_aci

if TYPE_CHECKING:
    from pathlib import Path

    from rktpy.store.images import ImageStore

pytestmark = pytest.mark.integration

# struct vfs_cap_data: revision 2, CAP_NET_BIND_SERVICE permitted and effective.
CAPABILITY = b"\x01\0\0\x02\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0"


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return a_store(tmp_path)


def test_modes_owners_links_and_times_are_the_images(store: ImageStore, tmp_path: Path) -> None:
    files = {
        "/bin/su": archive.file(b"setuid", 0o4755, uid=7, gid=8),
        "/bin/same": archive.hardlink("rootfs/bin/su"),
        "/shared": archive.directory(0o3775, uid=1, gid=2),
        "/shared/file": archive.file(b"x", 0o640, uid=3, gid=4),
        "/link": archive.symlink("/etc/../nowhere"),
        "/pipe": archive.fifo(0o622),
        "/dev/null": archive.device("c", 1, 3),
    }
    root = tree_of(store, add(store, build_aci(tmp_path / "a.aci", files=files)))

    su, shared = os.lstat(f"{root}/bin/su"), os.lstat(f"{root}/shared")
    assert (stat.S_IMODE(su.st_mode), su.st_uid, su.st_gid) == (0o4755, 7, 8)
    assert os.path.samestat(su, os.lstat(f"{root}/bin/same"))
    assert (stat.S_IMODE(shared.st_mode), shared.st_uid, shared.st_gid) == (0o3775, 1, 2)
    inside = os.lstat(f"{root}/shared/file")
    assert (stat.S_IMODE(inside.st_mode), inside.st_gid) == (0o640, 4)
    assert os.readlink(f"{root}/link") == "/etc/../nowhere"
    assert stat.S_ISFIFO(os.lstat(f"{root}/pipe").st_mode)
    assert os.lstat(f"{root}/dev/null").st_rdev == os.makedev(1, 3)
    for name in ("", "/shared", "/shared/file", "/link", "/bin/su", "/dev/null"):
        assert os.lstat(root + name).st_mtime == archive.MTIME


def test_attributes_an_image_may_have_are_kept(store: ImageStore, tmp_path: Path) -> None:
    pax = {
        "SCHILY.xattr.user.note": "hello",
        "SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1"),
        "SCHILY.xattr.trusted.overlay.opaque": "y",
        "SCHILY.xattr.user.overlay.redirect": "/etc",
        "SCHILY.xattr.security.selinux": "label",
    }
    entry = Entry("", b"x", pax=pax)
    tree_file = tree_of(store, add(store, build_aci(tmp_path / "a.aci", files={"/f": entry})))

    kept = {name: os.getxattr(f"{tree_file}/f", name) for name in os.listxattr(f"{tree_file}/f")}

    kept.pop("security.selinux", None)  # a host with SELinux labels it itself
    assert kept == {"user.note": b"hello", "security.capability": CAPABILITY}


def test_names_that_are_no_utf8_are_kept_byte_for_byte(store: ImageStore, tmp_path: Path) -> None:
    root = tree_of(store, add(store, odd_names_image(tmp_path / "a.aci")))

    names = set(os.listdir(os.fsencode(root) + b"/odd"))

    assert {b"caf\xe9", b"\xff\xfe", b"new\nline", b"esc\x1b[31m"} < names


def test_parents_the_image_does_not_mention_are_roots(store: ImageStore, tmp_path: Path) -> None:
    extra = [Entry("rootfs/a/b/file", b"x", uid=5), Entry("rootfs/a/", type=b"5", mode=0o700)]
    root = tree_of(store, add(store, build_aci(tmp_path / "a.aci", extra=extra)))

    assert stat.S_IMODE(os.stat(f"{root}/a/b").st_mode) == 0o755
    assert os.stat(f"{root}/a/b").st_uid == 0
    assert stat.S_IMODE(os.stat(f"{root}/a").st_mode) == 0o700


def test_the_import_renders_and_the_tree_verifies(store: ImageStore, tmp_path: Path) -> None:
    files = {f"/d{n}/file": os.urandom(n * 1000) for n in range(40)}
    key = add(store, build_aci(tmp_path / "a.aci", files=files, compression="gzip"))
    trees = Trees(store.layout)
    (tree_id,) = trees.ids()

    trees.verify(tree_id)

    assert tree_id == trees.tree_id_of(store, key)
    assert trees.ready(tree_id)
    (image,) = store.images()
    walked = [
        os.lstat(os.path.join(directory, name))
        for directory, dirs, names in os.walk(store.layout.tree(tree_id))
        for name in [*names, "."]
    ]
    assert image.tree_size == sum(info.st_size for info in walked)


def test_a_setgid_store_passes_nothing_on(store: ImageStore, tmp_path: Path) -> None:
    store.scratch()
    os.chown(store.layout.cas_tmp, 0, 1234)
    os.chmod(store.layout.cas_tmp, 0o2770)

    extra = [Entry("rootfs/a/b/file", b"x")]
    root = tree_of(store, add(store, build_aci(tmp_path / "a.aci", extra=extra)))

    for name in ("", "/..", "/a", "/a/b", "/a/b/file"):
        info = os.stat(root + name)
        assert (info.st_gid, info.st_mode & stat.S_ISGID) == (0, 0)


def test_strange_device_nodes_are_refused_unless_allowed(store: ImageStore, tmp_path: Path) -> None:
    path = device_image(tmp_path / "a.aci")

    with pytest.raises(RktError, match="device node not allowed: rootfs/dev/mem"):
        add(store, path)
    assert leftovers(store.layout) == []

    root = tree_of(store, add(store, path, Terms(devices=Devices.ALL)))
    assert os.lstat(f"{root}/dev/sda").st_rdev == os.makedev(8, 0)


@pytest.mark.parametrize("image", hostile_images(), ids=[i.name for i in hostile_images()])
def test_a_hostile_image_is_refused_and_leaves_nothing(
    store: ImageStore, tmp_path: Path, image: Hostile
) -> None:
    path = image.write(tmp_path)

    with pytest.raises(RktError) as caught:
        add(store, path)

    assert caught.value.message.isprintable() or "\n" in caught.value.message
    assert store.images() == []
    assert leftovers(store.layout) == []
    assert not os.path.lexists("/tmp/escaped")


def test_an_import_stays_small_in_memory(store: ImageStore, tmp_path: Path) -> None:
    path = build_aci(
        tmp_path / "a.aci", files={"/big": os.urandom(100 << 20)}, compression="gzip", level=1
    )
    # In an interpreter of its own: a fork of this one is as large as all tests before made it, and
    # what is executed inherits the peak that getrusage(2) tells.
    code = (
        "import os, re, resource, sys; from rktpy.layout import Layout;"
        " from rktpy.store.images import ImageStore;"
        " ImageStore(Layout(sys.argv[1])).add_aci(os.open(sys.argv[2], os.O_RDONLY));"
        " print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1],"
        " resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )

    peaks = command.run([sys.executable, "-c", code, store.layout.data, str(path)]).split()

    assert all(int(peak) < 150 << 10 for peak in peaks), peaks
