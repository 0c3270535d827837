"""Layers through the real worker, stacked and mounted, are what squashing them gives."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import HealthCheck, assume, given, settings

from rktpy.codec import compact
from rktpy.host.archive.layer_worker import start_layer
from rktpy.host.archive.limits import ArchiveError, Limits
from rktpy.host.archive.squash import Layers as Squashing
from rktpy.host.archive.squash import squash
from rktpy.host.tree.copy import copy_tree
from rktpy.store.layers import Layers
from rktpy.store.stacks import verify_stack
from rktpy.store.trees import Trees
from tests.integration.store.layered import manifest
from tests.integration.store.support import a_store
from tests.support.layerstreams import layer_streams, tar_of

if TYPE_CHECKING:
    from rktpy.host.archive.ends import LayerOutcome
    from rktpy.store.images import ImageStore
    from tests.support.layermodel import Stream

pytestmark = pytest.mark.integration

# Mode, owner, time and attributes of each path, its content, and all its names.
Shown: TypeAlias = "dict[str, tuple[object, ...]]"


def unpacked(data: bytes, rootfs: str) -> LayerOutcome:
    """Unpack one layer as a pull does."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    worker = start_layer(rootfs, reading, Limits(), close=(writing,))
    os.close(reading)

    def feed() -> None:
        try:
            with open(writing, "wb") as pipe:
                pipe.write(data)
        except BrokenPipeError:
            return

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        return worker.wait()
    finally:
        feeder.join()


def stacked(store: ImageStore, tars: list[bytes], target: str) -> None:
    """Store an image of the layers ``tars`` and copy what it shows to ``target``."""
    layers = Layers(store.layout)
    diff_ids = tuple("sha256:" + hashlib.sha256(data).hexdigest() for data in tars)
    with ExitStack() as held:
        for diff_id, data in zip(diff_ids, tars, strict=True):
            layers.build(diff_id, partial(unpacked, data))
            held.enter_context(layers.hold(diff_id) or pytest.fail("no layer"))
        key = store.add_layered(manifest(), diff_ids)
    trees = Trees(store.layout)
    verify_stack(store, key, trees.tree_id_of(store, key))
    copy_tree(trees.lowers(trees.tree_id_of(store, key)), target)


def squashed(store: ImageStore, tars: list[bytes], target: str) -> None:
    """Squash the layers, import the image and copy its tree."""
    with ExitStack() as files:
        fds = [os.memfd_create("layer") for _ in tars]
        out = os.memfd_create("image")
        for fd in (*fds, out):
            files.callback(os.close, fd)
        for fd, data in zip(fds, tars, strict=True):
            os.write(fd, data)
        squash(Squashing(tuple(fds), compact(manifest().to_object()).encode()), out)
        os.lseek(out, 0, os.SEEK_SET)
        key = store.add_aci(out)
    trees = Trees(store.layout)
    copy_tree([trees.rootfs(trees.render(store, key))], target)


def shown(root: str) -> Shown:
    found: Shown = {}
    names: dict[int, list[str]] = {}
    for base, dirs, files in os.walk(root):
        for name in ("", *files, *[one for one in dirs if os.path.islink(f"{base}/{one}")]):
            path = f"{base}/{name}".rstrip("/")
            info = os.lstat(path)
            content: object = None
            if stat.S_ISREG(info.st_mode):
                content = Path(path).read_bytes()
            elif stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            mates = names.setdefault(info.st_ino, [])
            mates.append(os.path.relpath(path, root))
            found[os.path.relpath(path, root)] = (
                *(info.st_mode, info.st_uid, info.st_gid, info.st_mtime_ns, info.st_rdev),
                *(content, mates),
            )
    for mates in names.values():
        mates.sort()
    return found


def both(tars: list[bytes]) -> tuple[Shown, Shown] | None:
    """Return what the stack shows and what squashing gives, None if the latter is refused."""
    with TemporaryDirectory() as place:
        store = a_store(Path(place))
        try:
            squashed(store, tars, f"{place}/squashed")
        except ArchiveError:
            return None
        stacked(store, tars, f"{place}/stacked")
        return shown(f"{place}/stacked"), shown(f"{place}/squashed")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(layer_streams())
def test_a_mounted_stack_is_what_squashing_unpacks(streams: list[Stream]) -> None:
    result = both([tar_of(stream) for stream in streams])
    assume(result is not None)
    assert result is not None

    assert result[0] == result[1]
