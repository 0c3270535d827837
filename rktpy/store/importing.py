"""Adding an image archive to the store: everything aside, checked, then placed at once.

Order of acts: unwrap, hash, store and unpack in one pass below ``cas/tmp``; check manifest and
hash; sync; rename blob, manifest and tree; commit the row. Killed before the commit, the image is
not there, and what was placed is an orphan that ``image gc`` or the next fetch of it takes over.
"""

from __future__ import annotations

import os
import stat
import time

from rktpy.appc.image import ImageManifest
from rktpy.codec import compact
from rktpy.errors import RktError
from rktpy.host.archive.intake import Intake, of_file, take_in
from rktpy.host.archive.limits import Devices, Limits
from rktpy.host.archive.unpack import Order
from rktpy.host.files import read_regular
from rktpy.store import locks, places
from rktpy.store.errors import StoreError
from rktpy.store.manifests import is_intact
from rktpy.store.placing import (
    TreeFiles,
    finish_tree,
    place_blob,
    place_tree,
    sync_filesystem,
    write_index,
    write_manifest,
)
from rktpy.store.rows import Row
from rktpy.store.trees import Trees
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.host.archive.formats import Stream
    from rktpy.layout import Layout
    from rktpy.store.index import Index

# A file changed this long before we looked cannot change again without a new ctime (ns).
_SETTLED = 100_000_000


class WrongHashError(RktError):
    """The archive is not the image that was asked for."""


class Terms(Value):
    """How to import: what is expected, allowed and remembered.

    ``vouch`` looks at the manifest before anything is stored, raises to refuse the image, and
    returns the fingerprint of the key that vouches for it, or "". ``expect`` is an image ID or the
    beginning of one; ``render`` makes the tree on the way, which only root can.
    """

    latest: bool = False
    vouch: Callable[[ImageManifest], str] | None = None
    expect: str = ""
    render: bool = True
    devices: str = Devices.LISTED
    limits: Limits = Limits()


def import_aci(layout: Layout, index: Index, source: int, terms: Terms) -> str:
    """Add the archive in the open file ``source``; return its key.

    Two imports of one file at the same time do the work once. A file known by device, inode,
    size and times is not read again.

    Raises:
        ArchiveError: no image archive, or a hostile one.
        AppcError, CodecError: the manifest breaks a rule.
        RktError: what ``terms.vouch`` raises.
        WrongHashError: it is another image than ``terms.expect``.
        StoreError: the store cannot be written.
    """
    places.make_store(layout)
    places.sweep(layout)
    before = os.fstat(source)
    if not stat.S_ISREG(before.st_mode):
        raise StoreError("the image is not a regular file")
    name = f"source-{before.st_dev}-{before.st_ino}"
    try:
        with locks.lock_image(layout, name, exclusive=True):
            try:
                known = _known(layout, index, before, terms)
                return known or _import_file(layout, source, before, terms)
            finally:
                locks.forget(layout.image_lock(name))
    except OSError as error:
        raise _unwritable(layout) from error


def import_stream(layout: Layout, source: Stream, terms: Terms) -> str:
    """Add the archive ``source``, which may still be arriving; return its key.

    ``terms.vouch`` is asked when all of it has been read. Errors as ``import_aci``, and what
    reading ``source`` raises, unless that is an OSError: it becomes a StoreError.
    """
    places.make_store(layout)
    places.sweep(layout)
    try:
        return _import(layout, source, terms, identify=lambda: "")
    except OSError as error:
        raise _unwritable(layout) from error


def _unwritable(layout: Layout) -> StoreError:
    return StoreError(f"cannot write to the image store in {layout.cas}")


def _known(layout: Layout, index: Index, info: os.stat_result, terms: Terms) -> str | None:
    """Return the key of an unchanged file that was imported before, renewed as if read again."""
    identity = _identity(info)
    key = index.read(lambda db: db.source(identity))
    index.forget()
    row = next((row for row in index.rows() if row.key == key), None)
    if row is None:
        return None
    try:
        if os.stat(layout.blob(row.key)).st_size != row.size or not is_intact(layout, row.key):
            return None  # reading the file again puts it right
        os.utime(layout.image_manifest(row.key))
    except (OSError, ValueError, RktError):
        return None
    _check_expected(row.digest, terms)
    verified_by = ""
    if terms.vouch is not None:
        stored = read_regular(layout.image_manifest(row.key))
        verified_by = terms.vouch(ImageManifest.from_json(stored))
    renewed = Row([*row.fields()[:4], time.time_ns(), terms.latest, row.size, verified_by, ()])
    write_index(layout, row=renewed)
    index.forget()
    return str(row.key)


def _import_file(layout: Layout, source: int, before: os.stat_result, terms: Terms) -> str:
    started = time.time_ns()

    def identify() -> str:
        after = os.fstat(source)
        if terms.vouch is not None and _identity(before) != _identity(after):
            raise StoreError("the image file changed while it was read", hint="try again")
        return _settled_identity(before, after, started)

    return _import(layout, of_file(source), terms, identify=identify)


def _import(layout: Layout, source: Stream, terms: Terms, *, identify: Callable[[], str]) -> str:
    """``identify``, called at the end, returns by which identity to know the file again, or ""."""
    render = terms.render and os.geteuid() == 0
    with places.open_room(layout) as room:
        blob_path, tree = f"{room.path}/blob", f"{room.path}/tree"
        if render:
            os.makedirs(f"{tree}/rootfs", 0o755)
        blob = os.open(blob_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            os.fchmod(blob, 0o640)
            os.fchown(blob, -1, os.stat(layout.blobs).st_gid)
            order = Order(
                layers=(),
                target=f"{tree}/rootfs" if render else "",
                devices=terms.devices,
                limits=terms.limits,
            )
            intake = take_in(source, blob, order)
        finally:
            os.close(blob)
        _check_expected(intake.digest, terms)
        manifest = ImageManifest.from_json(intake.outcome.document)
        verified_by = terms.vouch(manifest) if terms.vouch is not None else ""
        return _commit(
            layout, room, _Result(intake, manifest, terms, identify(), render, verified_by)
        )


class _Result(Value):
    intake: Intake
    manifest: ImageManifest
    terms: Terms
    identity: str
    rendered: bool
    verified_by: str


def _commit(layout: Layout, room: places.Room, result: _Result) -> str:
    intake, manifest, terms = result.intake, result.manifest, result.terms
    key = f"sha512-{intake.digest[:64]}"
    stored = compact(manifest.to_object(keep_unknown=False)).encode()
    row = Row(
        [
            *(key, intake.digest, manifest.name, [(v.name, v.value) for v in manifest.labels]),
            *(time.time_ns(), terms.latest, intake.size, result.verified_by, ()),
        ]
    )
    # With dependencies or a whitelist the tree is more, or less, than what was extracted.
    alone = not manifest.dependencies and not manifest.path_whitelist
    tree_id = Trees(layout).tree_id([key]) if result.rendered and alone else ""
    source = (result.identity, key) if result.identity else None
    write_manifest(layout, room, stored)
    if not tree_id:
        sync_filesystem(room.path)
        with locks.lock_image(layout, key, exclusive=True):
            place_blob(layout, key, room)
            write_index(layout, row=row, source=source)
        return key
    files = TreeFiles(key, stored)
    size = finish_tree(f"{room.path}/tree", files, intake.outcome, sync=True)
    with (
        locks.lock_tree(layout, tree_id, exclusive=True),
        locks.lock_image(layout, key, exclusive=True),
    ):
        place_blob(layout, key, room)
        if not Trees(layout).ready(tree_id):  # pods may have mounted the one that is there
            place_tree(layout, tree_id, room)
        write_index(layout, row=row, tree=(tree_id, key, size), source=source)
    return key


def _check_expected(digest: str, terms: Terms) -> None:
    expected = terms.expect.lower()
    if expected and not f"sha512-{digest}".startswith(expected):
        raise WrongHashError(
            f"image hash does not match expected (sha512-{digest[:64]} != {expected})"
        )


def _identity(info: os.stat_result) -> str:
    fields = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
    return ":".join(map(str, fields))


def _settled_identity(before: os.stat_result, after: os.stat_result, started: int) -> str:
    """Return the identity of the file, "" if it may have changed while it was read."""
    if _identity(before) != _identity(after) or started - before.st_ctime_ns < _SETTLED:
        return ""
    return _identity(before)
