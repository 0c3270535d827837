"""The image index: one SQLite file, and its snapshot for readers in a hurry.

cas/db/              flock on the directory: exclusive around every change
├── index.sqlite     the truth; WAL, ``user_version`` is the schema version
└── images.json      all images and a CRC, removed before and rewritten after each change. Absent,
                     broken or of another boot: the truth is asked
cas/verified/<key>   "<key> <fingerprint>": root checked a signature of this image. Only root can
                     write there, and root believes ``verified_by`` only with such a record

A reader thus never sees an older state than the truth, whatever was killed when. When an
image was last used is the mtime of its manifest file: ``run`` touches it without a transaction.

Members of the store's group write the index, so they can claim anything in it. A key is the hash of
the image, so a record says the same of it for ever; one without a row lets nothing in, and goes
with ``image gc``.
"""

from __future__ import annotations

import os
import stat
from binascii import crc32

from rktpy import codec
from rktpy.host.files import read_bytes, read_regular, write_atomic, write_new
from rktpy.host.lock import lock_dir
from rktpy.store.errors import StoreError
from rktpy.store.rows import Row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from rktpy.layout import Layout
    from rktpy.store.database import Database

    T = TypeVar("T")

_FORMAT = 2
_LIMIT = 1 << 26
_RECORD_LIMIT = 4096  # bytes
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Index:
    """All images of one store by key, name, labels, and where they came from."""

    __slots__ = ("_layout", "_rows")

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._rows: list[Row] | None = None

    def rows(self) -> list[Row]:
        """Return every image, oldest import first; read once, see ``forget``.

        Raises:
            StoreError: the index is there but cannot be read.
        """
        if self._rows is None:
            found = self._snapshot()
            if found is None:
                found = self.read(lambda db: db.images()) or []
            # A member may have written anything for a key, and keys become paths.
            self._rows = [row for row in found if "/" not in str(row.key)]
        return self._rows

    def forget(self) -> None:
        """Look at the disk again next time: another process may have changed it."""
        self._rows = None

    def read(self, ask: Callable[[Database], T]) -> T | None:
        """Return what ``ask`` finds in the database, None where there is none yet."""
        from rktpy.store import database  # brings SQLite in

        found = database.open_for_reading(self._layout.index)
        if found is None:
            return None
        with found as db:
            return ask(db)

    def believes(self, row: Row) -> bool:
        """Return whether the image of ``row`` counts as verified for whoever this process is.

        What the index claims is enough for members of the group; root wants its own record.
        """
        return bool(row.verified_by) and (
            os.geteuid() != 0 or _is_recorded(self._layout.verified, row.key)
        )

    def record(self, key: str, fingerprint: str) -> None:
        """Note, as root, that the key ``fingerprint`` signed the image ``key``; durable.

        The caller does so before it commits the row: killed between the two, root has a record
        without a row.

        Raises:
            OSError: the disk is full.
            StoreError: somebody else made the directory.
        """
        if os.geteuid() != 0 or not fingerprint:
            return
        directory = self._layout.verified
        try:
            os.mkdir(directory, 0o755)
        except FileExistsError:
            if not _is_roots(os.lstat(directory)):
                raise StoreError(
                    f"{directory} is not root's alone",
                    hint=f"remove {directory} and fetch the image again",
                ) from None
        write_atomic(f"{directory}/{key}", f"{key} {fingerprint}\n".encode(), mode=0o644)

    def recorded(self) -> list[str]:
        """Return the keys with a record, also what a killed writer of one left."""
        try:
            return os.listdir(self._layout.verified)
        except OSError:
            return []

    def forget_record(self, key: str) -> None:
        """Remove the record of ``key``. A member cannot; it then stays until root collects."""
        try:
            os.unlink(f"{self._layout.verified}/{key}")
        except OSError:
            return  # alone it lets nothing in

    def change(self, act: Callable[[Database], T]) -> T:
        """Run ``act`` as one transaction; all of it happens, durably, or nothing.

        Raises:
            StoreError: the index cannot be written; the cause says why.
        """
        from rktpy.store import database

        self._rows = None
        try:
            with lock_dir(os.path.dirname(self._layout.index)):
                _unlink(self._layout.index_snapshot)
                with database.open_for_writing(self._layout.index) as db:
                    result = db.transact(act)
                    rows = db.images()
                self._write_snapshot(rows)
        except OSError as error:
            raise StoreError(f"cannot write the image index in {self._layout.cas}") from error
        return result

    def fetch_hint(self, key: str) -> str:
        """Return how the user brings the image ``key`` again."""
        url = self.read(lambda db: db.origin(key)) if key else None
        if not url:
            return "fetch the image again"
        return f"bring it again with: rktpy fetch --insecure-options=image {url.partition('#')[0]}"

    def tidy(self) -> None:
        """Remove what a killed writer of the snapshot left."""
        aside = self._layout.index_snapshot + ".tmp"
        try:
            if os.path.exists(aside):
                with lock_dir(os.path.dirname(aside)):  # no writer is at it now
                    _unlink(aside)
        except OSError as error:
            raise StoreError(f"cannot write the image index in {self._layout.cas}") from error

    def _snapshot(self) -> list[Row] | None:
        """Return the images of the snapshot, None if it is absent or not to be trusted.

        After a crash of the machine it may be older or newer than the database, hence the boot.
        """
        try:
            text = read_regular(self._layout.index_snapshot, limit=_LIMIT)
            stored = codec.parse(_checked(text))
            if stored["format"] == _FORMAT and stored["boot"] == _boot_id():
                return [Row(fields) for fields in stored["images"]]
        except (OSError, codec.CodecError, KeyError, TypeError, ValueError):
            pass  # the database knows
        return None

    def _write_snapshot(self, rows: Iterable[Row]) -> None:
        content = {"format": _FORMAT, "boot": _boot_id(), "images": [r.fields() for r in rows]}
        try:
            # A fixed name, as we hold the lock: a killed writer's is simply written again.
            aside = self._layout.index_snapshot + ".tmp"
            _unlink(aside)
            text = codec.compact(content).encode()
            write_new(aside, text + _check_of(text), mode=0o660)
            os.rename(aside, self._layout.index_snapshot)
        except OSError:
            return  # a full disk: the change is made, readers ask the database


def _is_recorded(directory: str, key: str) -> bool:
    """Return whether root noted in ``directory`` that it verified ``key``.

    Whoever wrote the row chose ``key``, so the record has to name it as well.
    """
    try:
        parent = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not _is_roots(os.fstat(parent)):
            return False
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(key, flags, dir_fd=parent)
        try:
            return os.read(fd, _RECORD_LIMIT).startswith(f"{key} ".encode())
        finally:
            os.close(fd)
    except (OSError, TypeError, ValueError):
        return False
    finally:
        os.close(parent)


def _is_roots(info: os.stat_result) -> bool:
    return stat.S_ISDIR(info.st_mode) and info.st_uid == 0 and not info.st_mode & 0o022


def _checked(text: bytes) -> bytes:
    """Return the JSON of a snapshot; nothing if a bit of it was flipped."""
    content, mark, check = text.rpartition(b"\n")
    return content if mark + check == _check_of(content) else b""


def _check_of(content: bytes) -> bytes:
    return b"\n%08x" % crc32(content)


def _boot_id() -> str:
    return read_bytes(_BOOT_ID, limit=100).decode().strip()


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
