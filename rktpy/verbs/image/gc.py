"""``image gc``: remove trees no pod refers to, images not used lately, layers of neither, and what
crashes left.
"""

from __future__ import annotations

import os
import time

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.files import read_bytes
from rktpy.host.lock import LockBusyError
from rktpy.image import partial
from rktpy.pod.lifecycle import pods
from rktpy.pod.phase import VISIBLE_PHASES, Phase, State
from rktpy.store import locks, places
from rktpy.store.errors import ImageNotFoundError, StoreError
from rktpy.store.images import ImageStore
from rktpy.store.layers import LayerError, Layers
from rktpy.store.needs import LayerNeeds
from rktpy.store.trees import Trees
from rktpy.value import Value
from rktpy.verbs.image.declared import declared_images
from rktpy.verbs.image.list import RemoveEvent, remove_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rktpy.layout import Layout
    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site


class TreesError(RktError):
    """Trees that no pod needs cannot be removed."""

    def __init__(self) -> None:
        super().__init__("failed to remove unreferenced treestores")


class References(Value):
    """What pods still need: trees of every pod there is, images of running ones."""

    trees: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()


class TreeRemoved(Value):
    """A tree that no pod referred to is gone."""

    tree_id: str


class LayerRemoved(Value):
    """A layer that no image and no tree needed is gone."""

    diff_id: str


def collect_images(
    site: Site,
    grace_period: int,
    *,
    references: Callable[[Layout], References] | None = None,
    declared: Callable[[Site, ImageStore], frozenset[str]] = declared_images,
) -> Iterator[TreeRemoved | RemoveEvent | LayerRemoved]:
    """Remove what is not needed; images and downloads used within ``grace_period`` (ns) stay.

    ``references`` tells what pods need; it is asked under the exclusive prepare lock. ``declared``
    tells what units and ``.pod`` files of this host name.

    Raises:
        TreesError: not root, or a tree or layer cannot be removed.
        RktError: the store, or a file that may name images, cannot be read.
    """
    find = references or references_of
    layout = site.layout
    store = ImageStore(layout)
    yield from _collect_trees(layout, store, find)
    used = find(layout).images | declared(site, store)
    now = time.time_ns()
    for image in sorted(store.images(), key=lambda image: image.last_used):
        if now - image.last_used <= grace_period:
            break
        if image.key not in used:
            yield from _collect_image(store, image.key, now - grace_period)
    yield from _collect_layers(layout, store)
    _sweep(layout, store)
    partial.sweep(layout.downloads, grace_period)


def references_of(layout: Layout) -> References:
    """Return what the pods in ``layout`` need.

    Raises:
        RktError: a pod cannot be read, so nobody knows.
    """
    trees: set[str] = set()
    images: set[str] = set()
    for pod in pods(layout, VISIBLE_PHASES):
        try:
            trees.update(_trees_of(pod))
            if pod.phase == Phase.RUN and pod.state() == State.RUNNING:
                ids = [app.image.id for app in pod.manifest().apps]
                images.update(image_id.key for image_id in ids if image_id is not None)
        except OSError as error:
            if os.path.isdir(pod.path):
                raise RktError(f"cannot read what pod {pod.uuid} uses") from error
        finally:
            pod.close()
    return References(frozenset(trees), frozenset(images))


def _trees_of(pod: Pod) -> Iterator[str]:
    tree = pod.tree
    names = [tree.stage1_tree_id]
    try:
        names += [tree.app_tree_id(app) for app in os.listdir(tree.apps_info)]
    except FileNotFoundError:
        pass  # still being made, or rendered without the tree store
    for name in names:
        try:
            yield read_bytes(name, limit=4096).decode("ascii", "replace").strip()
        except FileNotFoundError:
            continue


def _collect_trees(
    layout: Layout, store: ImageStore, find: Callable[[Layout], References]
) -> Iterator[TreeRemoved]:
    trees = Trees(layout)
    try:
        with locks.lock_prepare(layout, exclusive=True):
            needed = find(layout).trees
            for tree_id in trees.ids():
                if tree_id.partition(".")[0] in needed:  # also one that was made again since
                    continue
                try:
                    trees.remove(tree_id)
                except LockBusyError:  # it is read; no pod can be started while we wait here
                    continue
                yield TreeRemoved(tree_id)
            store.forget_trees(trees.ids())
    except OSError as error:
        raise TreesError from error


def _collect_image(store: ImageStore, key: str, before: int) -> Iterator[RemoveEvent]:
    """Remove the image unless it was used since ``before`` (ns), or somebody else removed it.

    A pod that is being made has taken its images by now, or takes them after.
    """
    try:
        with locks.lock_prepare(store.layout, exclusive=True):
            if store.last_used(key) >= before:
                return
            event = remove_image(store, key, key)
    except OSError as error:
        raise StoreError(f"cannot collect image {quote(key)}") from error
    if not isinstance(event.error, ImageNotFoundError):
        yield event


def _collect_layers(layout: Layout, store: ImageStore) -> Iterator[LayerRemoved]:
    """Remove layers that nothing names. Whoever is about to name one holds its lock."""
    layers = Layers(layout)
    needs = LayerNeeds(store)
    try:
        # Trees that no pod refers to are gone by now; a pod that begins mounts the new layer.
        layers.remove_replaced(lambda one: one in needs.of_trees())
        for diff_id in set(layers.ids()).difference(needs.now()):
            try:
                # A pull that held it until now has named it.
                if layers.remove(diff_id, needed=lambda one: one in needs.now()):
                    yield LayerRemoved(diff_id)
            except (LockBusyError, LayerError):
                continue  # a pull has it, or it is none of ours
    except OSError as error:
        raise TreesError from error


def _sweep(layout: Layout, store: ImageStore) -> None:
    places.sweep(layout)
    for key in store.orphans():
        try:
            store.remove_orphan(key)
        except (LockBusyError, OSError):
            continue  # an import is at it, or it belongs to somebody else
    locks.sweep(layout.image_locks, [image.key for image in store.images()])
    layers = [diff_id.replace(":", "-") for diff_id in Layers(layout).ids()]
    locks.sweep(layout.tree_locks, [*Trees(layout).ids(), *layers])
