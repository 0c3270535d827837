"""``image export``, ``extract`` and ``render``: stored images as files for the user.

A new file or directory is made beside its place and renamed, so that a failure leaves what was
there before.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host.files import beside, write_new
from rktpy.host.tree.copy import copy_tree
from rktpy.host.tree.removal import remove_tree
from rktpy.log import Logger
from rktpy.store import locks
from rktpy.store.absence import called
from rktpy.store.dependencies import Part
from rktpy.store.images import ImageStore
from rktpy.store.stacks import verify_stack
from rktpy.store.trees import TreeError, Trees
from rktpy.store.unpacking import unpack
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.verbs.site import Site


class OutputError(RktError):
    """The output cannot be written where it should go."""


class OutputRequest(Value):
    """Write the image ``text`` to ``path``; ``rootfs_only`` is for directories."""

    text: str
    path: str
    rootfs_only: bool = False
    overwrite: bool = False


def export_image(site: Site, request: OutputRequest) -> None:
    """Write the stored archive, uncompressed: its SHA-512 is the image ID.

    An image of layers becomes an archive for this, which has an ID of its own.

    Raises:
        OutputError: the file is there already, or cannot be written.
        ImageGoneError: another command removed the image.
    """
    called(request.text, lambda: _export(site, request))


def _export(site: Site, request: OutputRequest) -> None:
    store = ImageStore(site.layout)
    key = store.find_or_key(request.text)
    target = os.path.abspath(request.path)
    if os.path.lexists(target) and not request.overwrite:
        raise OutputError("output ACI file exists (try --overwrite)")
    store.touch(key)
    aside = beside(target)
    try:
        if store.document(key) is None:
            with locks.lock_image(site.layout, key, exclusive=False):
                os.close(store.open_blob(key))  # it is there, and stays while we have the lock
                copy_tree([site.layout.blob(key)], aside)
        else:
            _flatten(store, key, aside)
        os.chmod(aside, 0o644)
        os.rename(aside, target)
    except OSError as error:
        raise OutputError("unable to create the output ACI file") from error
    finally:
        _discard_file(aside)


def extract_image(site: Site, request: OutputRequest) -> None:
    """Unpack one image into a directory, without its dependencies.

    Not root: everything belongs to the caller, device nodes are left out.

    Raises:
        OutputError: the directory is there already, is ``/``, or cannot be written.
    """
    called(request.text, lambda: _extract(site, request))


def _extract(site: Site, request: OutputRequest) -> None:
    store = ImageStore(site.layout)
    key = store.find_or_key(request.text)
    root = os.geteuid() == 0

    def fill(target: str) -> None:
        outcome = unpack(store, (Part(key),), target, owners=root)
        for text in outcome.warnings:
            Logger("extract").warning("%s", text)

    _write_dir(store, key, request, fill)


def render_image(site: Site, request: OutputRequest) -> None:
    """Write an image and what it depends on into a directory, by way of its rendered tree.

    Raises:
        OutputError: as ``extract_image``.
    """
    store = ImageStore(site.layout)
    key = store.find_or_key(request.text)
    _check_target(request)
    trees = Trees(site.layout)
    with locks.keep_trees(site.layout):
        called(request.text, lambda: _render(store, trees, key, request))


def _render(store: ImageStore, trees: Trees, key: str, request: OutputRequest) -> None:
    tree_id = trees.tree_id_of(store, key)
    if trees.ready(tree_id):
        try:
            verify_stack(store, key, tree_id)
        except TreeError:
            Logger("render").warning("warning: tree cache is in a bad state. Rebuilding...")
            trees.render(store, key, rebuild=True)
    else:
        trees.render(store, key)
    store.touch(key)
    with trees.hold(tree_id):
        lowers = trees.lowers(tree_id)
        _write_dir(store, key, request, lambda target: copy_tree(lowers, target))


def _write_dir(
    store: ImageStore, key: str, request: OutputRequest, fill: Callable[[str], None]
) -> None:
    target = _check_target(request)
    manifest = b"" if request.rootfs_only else store.manifest_bytes(key)
    aside = beside(target)
    try:
        try:
            os.mkdir(aside, 0o700)
            rootfs = aside if request.rootfs_only else f"{aside}/rootfs"
            if manifest:
                os.chmod(aside, 0o755)  # noqa: S103 - as rkt makes it
                write_new(f"{aside}/manifest", manifest, mode=0o700)
                os.mkdir(rootfs, 0o755)
            fill(rootfs)
            if request.overwrite:
                _remove(target)
            os.rename(aside, target)
        except BaseException:
            remove_tree(aside)
            raise
    except OSError as error:
        raise OutputError(f"cannot write the output directory {request.path}") from error


def _check_target(request: OutputRequest) -> str:
    target = os.path.abspath(request.path)
    if os.path.realpath(target) == "/":
        raise OutputError("this would delete your root filesystem. Refusing.")
    if os.path.lexists(target) and not request.overwrite:
        raise OutputError("output directory exists (try --overwrite)")
    return target


def _flatten(store: ImageStore, key: str, target: str) -> None:
    from rktpy.store.flattening import flatten_image

    fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for text in flatten_image(store, key, fd):
            Logger("export").warning("%s", text)
    finally:
        os.close(fd)


def _remove(target: str) -> None:
    if os.path.islink(target) or not os.path.isdir(target):
        _discard_file(target)
    else:
        remove_tree(target)


def _discard_file(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
