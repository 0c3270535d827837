"""What ``prepare`` leaves in a pod directory, so that it can be run from disk alone.

<pod>/
├── pod  pod-created  pod.lck                  manifest; its mtime is the creation time; edit lock
├── stage1/manifest  stage1TreeStoreID         the stage1 image, also after it left the store
├── appsinfo/<app>/{manifest,treeStoreID}      likewise each app's image
├── overlay-prepared                           present if trees are to be mounted, not copied
└── private-users-prepared                     present in a user namespace (``rktpy.pod.idrange``)
"""

from __future__ import annotations

import os

from rktpy.appc.image import ImageManifest
from rktpy.codec import compact
from rktpy.errors import RktError
from rktpy.host.files import read_bytes, write_new
from rktpy.pod.before.rootfs import AppTree
from rktpy.pod.idrange import read_range
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.pod import PodManifest
    from rktpy.layout import PodTree
    from rktpy.pod.idrange import IdRange

_MANIFEST_LIMIT = 16 << 20
_ID_LIMIT = 256


class ContentsError(RktError):
    """A pod directory lacks something it was prepared with."""


class StoredTree(Value):
    """A rendered image: its tree in the store, and its manifest."""

    tree_id: str
    manifest: ImageManifest


class Contents(Value):
    """Everything a pod is made of; ``private_users`` is None without a user namespace."""

    manifest: PodManifest
    stage1: StoredTree
    apps: dict[str, StoredTree]
    overlay: bool
    private_users: IdRange | None = None

    @property
    def app_trees(self) -> tuple[AppTree, ...]:
        """The apps' trees in the order of the manifest."""
        return tuple(AppTree(app.name, self.apps[app.name].tree_id) for app in self.manifest.apps)


def write_contents(tree: PodTree, contents: Contents) -> None:
    """Write ``contents`` into a pod directory that nobody reads yet.

    Raises:
        OSError: the disk is full, or the directory is gone.
    """
    os.mkdir(f"{tree.root}/stage1", 0o750)
    os.mkdir(tree.stage1_rootfs, 0o755)
    os.mkdir(tree.apps_info, 0o750)
    write_new(tree.stage1_manifest, _image_text(contents.stage1.manifest))
    write_new(tree.stage1_tree_id, contents.stage1.tree_id.encode())
    for app, stored in contents.apps.items():
        os.mkdir(f"{tree.apps_info}/{app}", 0o750)
        write_new(tree.app_manifest(app), _image_text(stored.manifest))
        write_new(tree.app_tree_id(app), stored.tree_id.encode())
    write_new(tree.manifest_lock, b"", mode=0o600)
    if contents.overlay:
        write_new(tree.overlay_marker, b"")
    # The manifest last: a pod that has one is complete.
    write_new(tree.manifest, _pod_text(contents.manifest))
    write_new(tree.created, b"")


def read_contents(tree: PodTree, manifest: PodManifest) -> Contents:
    """Return what the pod was prepared with.

    Raises:
        ContentsError: a file is missing or damaged; the pod can only be removed.
    """
    try:
        stage1 = StoredTree(_word(tree.stage1_tree_id), _image(tree.stage1_manifest))
        apps = {
            str(app.name): StoredTree(
                _word(tree.app_tree_id(app.name)), _image(tree.app_manifest(app.name))
            )
            for app in manifest.apps
        }
    except (OSError, ValueError) as error:
        uuid = os.path.basename(tree.root)
        raise ContentsError(
            f"pod {uuid} is damaged", hint=f"remove it with: rktpy rm {uuid}"
        ) from error
    overlay = os.path.exists(tree.overlay_marker)
    return Contents(manifest, stage1, apps, overlay, read_range(tree))


def _pod_text(manifest: PodManifest) -> bytes:
    """Return the manifest as JSON, which has no way to hold other bytes than UTF-8.

    Raises:
        ContentsError: an option or argument is not UTF-8.
    """
    try:
        return compact(manifest.to_object()).encode()
    except UnicodeEncodeError as error:
        start = error.object.rfind('"', 0, error.start)
        word = os.fsencode(error.object[start + 1 : error.object.find('"', error.end)])
        raise ContentsError(f"{str(word)[1:]} is not valid UTF-8") from error


def _image_text(manifest: ImageManifest) -> bytes:
    return compact(manifest.to_object()).encode("utf-8", "surrogateescape")


def _image(path: str) -> ImageManifest:
    return ImageManifest.from_json(read_bytes(path, limit=_MANIFEST_LIMIT))


def _word(path: str) -> str:
    return read_bytes(path, limit=_ID_LIMIT).decode("ascii").strip()
