"""Images → contents of a pod: everything found, verified and rendered before a pod exists.

Whatever is wrong with an image or an option is found here, while there is nothing to clean up.
"""

from __future__ import annotations

import os

from rktpy.image.fetch import fetch, while_removed
from rktpy.image.reference import parse_reference
from rktpy.pod.before.compose import (
    PodImage,
    christen,
    complete,
    compose,
    read_pod_manifest,
    require_apps,
)
from rktpy.pod.before.contents import Contents, StoredTree
from rktpy.pod.volume.resolve import check_number
from rktpy.store.trees import Trees
from rktpy.verbs.image.fetching import means_of
from rktpy.verbs.start.stage1 import find_stage1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import PodManifest
    from rktpy.store.images import ImageStore
    from rktpy.verbs.site import Site
    from rktpy.verbs.start.requests import PodSource


def gather(site: Site, store: ImageStore, source: PodSource, *, overlay: bool) -> Contents:
    """Return the contents of a pod made from ``source``; stage1 first, as rkt does.

    The caller holds the prepare lock (shared), so that no tree is collected meanwhile.

    Raises:
        RktError: an image is missing or not runnable, or the options do not fit together.
    """
    return while_removed(lambda: _gather(site, store, source, overlay=overlay))


def _gather(site: Site, store: ImageStore, source: PodSource, *, overlay: bool) -> Contents:
    trees = Trees(site.layout)
    stage1_key = find_stage1(site, store, source.stage1)
    stage1 = StoredTree(trees.render(store, stage1_key), store.manifest(stage1_key))
    manifest, keys = _manifest(site, store, source)
    require_apps(manifest)
    check_number(manifest)
    manifest = christen(manifest, source.name, source.labels)
    apps = {}
    for app, (key, image) in keys.items():
        store.touch(key)
        apps[app] = StoredTree(trees.render(store, key), image)
    return Contents(manifest, stage1, apps, overlay)


def _manifest(
    site: Site, store: ImageStore, source: PodSource
) -> tuple[PodManifest, dict[str, tuple[str, ImageManifest]]]:
    """Return the pod manifest, and key and manifest of each app's image."""
    if source.pod_manifest:

        def find(image_id: str) -> tuple[str, ImageManifest]:
            key = store.resolve(image_id)
            return key, store.manifest(key)

        manifest, found = complete(read_pod_manifest(source.pod_manifest), find)
        return manifest, {image.app: (image.key, image.manifest) for image in found}
    images = []
    for spec in source.apps:
        means = means_of(site, source.policy)
        key = fetch(store, parse_reference(spec.image), means, signature=spec.signature)
        images.append(PodImage(spec, key, store.manifest(key)))
    manifest = compose(images, source.options, uid=os.getuid(), gid=os.getgid())
    return manifest, {
        app.name: (image.key, image.manifest)
        for app, image in zip(manifest.apps, images, strict=True)
    }
