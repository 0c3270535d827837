"""SQLite behind the index: schema, migrations, and every statement. Imported only to
change the index, or where its snapshot does not serve.

Uses the C module directly: the ``sqlite3`` package adds adapters and ``datetime`` we do not
need. Any failure becomes a ``StoreError`` that says what to do.
"""

from __future__ import annotations

import _sqlite3
import errno
import os
import stat

from rktpy.codec import compact, parse
from rktpy.host.files import write_new
from rktpy.store.errors import StoreError
from rktpy.store.rows import Row
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Any, Self, TypeVar

    T = TypeVar("T")

_LITTLE = 1 << 20  # bytes; an I/O error with less room than this is for want of room
_BUSY_TIMEOUT = 30.0  # seconds; changes are serialised by a flock anyway

# Each step brings the schema from its position to the next version. Never edit one: append.
_MIGRATIONS = (
    """
    CREATE TABLE image (
        key TEXT PRIMARY KEY,            -- sha512-<64 hex>
        digest TEXT NOT NULL,            -- all 128 hex digits
        name TEXT NOT NULL,
        labels TEXT NOT NULL,            -- JSON [[name, value], ...] in manifest order
        imported_at INTEGER NOT NULL,    -- ns since the epoch
        latest INTEGER NOT NULL,
        size INTEGER NOT NULL,
        verified_by TEXT NOT NULL        -- fingerprint of the signing key, or empty
    ) WITHOUT ROWID;
    CREATE INDEX image_name ON image (name);
    CREATE TABLE tree (
        id TEXT PRIMARY KEY,
        key TEXT NOT NULL,               -- top image; it may have been removed
        size INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE remote (
        url TEXT PRIMARY KEY,
        key TEXT NOT NULL REFERENCES image (key) ON DELETE CASCADE,
        signature_url TEXT NOT NULL,
        etag TEXT NOT NULL,
        max_age INTEGER NOT NULL,        -- seconds
        downloaded_at INTEGER NOT NULL,  -- ns since the epoch
        verified_by TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE source (
        identity TEXT PRIMARY KEY,       -- device, inode, size and times of an imported file
        key TEXT NOT NULL REFERENCES image (key) ON DELETE CASCADE
    ) WITHOUT ROWID;
    """,
)


class Remote(Value):
    """Where an image was downloaded from, and how long that answer holds."""

    url: str
    key: str
    signature_url: str = ""
    etag: str = ""
    max_age: int = 0  # seconds
    downloaded_at: int = 0  # ns since the epoch
    verified_by: str = ""


class Database:
    """One open connection. Errors of SQLite leave every method as ``StoreError``."""

    __slots__ = ("_db", "_path")

    def __init__(self, db: Any, path: str) -> None:  # noqa: ANN401 - _sqlite3 has no stubs
        self._db = db
        self._path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def transact(self, act: Callable[[Database], T]) -> T:
        """Run ``act`` between BEGIN IMMEDIATE and COMMIT; any exception rolls back."""
        self.execute("BEGIN IMMEDIATE")
        try:
            result = act(self)
            self.execute("COMMIT")
        except BaseException:
            self._db.rollback()
            raise
        return result

    def execute(self, statement: str, values: Iterable[object] = ()) -> list[Any]:
        """Run one statement and return its rows."""
        try:
            rows: list[Any] = self._db.execute(statement, tuple(values)).fetchall()
        except _sqlite3.Error as error:
            raise _explained(error, self._path) from _cause(error, self._path)
        return rows

    def migrate(self) -> None:
        """Bring the schema to this version's, one transaction for all steps.

        Raises:
            StoreError: it is of a newer version, or cannot be changed.
        """
        have = self.version()
        if have == len(_MIGRATIONS):
            return
        self.execute("PRAGMA journal_mode=WAL")

        def steps(db: Database) -> None:
            for script in _MIGRATIONS[self.version() :]:  # another process may have been first
                for statement in _statements(script):
                    db.execute(statement)
            db.execute(f"PRAGMA user_version={len(_MIGRATIONS)}")

        self.transact(steps)

    def version(self) -> int:
        """Return the schema version, 0 of a new file.

        Raises:
            StoreError: a later rktpy wrote it.
        """
        have = int(self.execute("PRAGMA user_version")[0][0])
        if have > len(_MIGRATIONS):
            raise StoreError(
                f"current store db version: {have}"
                f" (greater than the current rkt expected version: {len(_MIGRATIONS)})",
                hint="use the rktpy that wrote it, or a newer one",
            )
        return have

    def images(self) -> list[Row]:
        """Return all images, oldest import first."""
        trees: dict[str, list[tuple[str, int]]] = {}
        for tree_id, key, size in self.execute("SELECT id, key, size FROM tree ORDER BY id"):
            trees.setdefault(key, []).append((tree_id, size))
        return [
            Row((*row[:3], parse(row[3]), row[4], bool(row[5]), *row[6:], trees.get(row[0], ())))
            for row in self.execute(
                "SELECT key, digest, name, labels, imported_at, latest, size, verified_by"
                " FROM image ORDER BY imported_at, key"
            )
        ]

    def put_image(self, row: Row) -> None:
        """Add an image, or renew it: ``latest`` and a verified signature are never taken back."""
        self.execute(
            "INSERT INTO image VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (key) DO UPDATE SET"
            " imported_at=excluded.imported_at, latest=max(latest, excluded.latest),"
            " verified_by=coalesce(nullif(excluded.verified_by, ''), verified_by)",
            (
                *(row.key, row.digest, row.name, compact([list(pair) for pair in row.labels])),
                *(row.imported_at, int(row.latest), row.size, row.verified_by),
            ),
        )

    def remove_image(self, key: str) -> bool:
        """Forget an image, its remotes and sources; return whether it was known."""
        known = bool(self.execute("SELECT 1 FROM image WHERE key=?", (key,)))
        self.execute("DELETE FROM image WHERE key=?", (key,))
        return known

    def put_tree(self, tree_id: str, key: str, size: int) -> None:
        """Note that a tree of ``size`` bytes was rendered for the image ``key``."""
        self.execute("INSERT OR REPLACE INTO tree VALUES (?,?,?)", (tree_id, key, size))

    def remove_tree(self, tree_id: str) -> None:
        """Forget a tree."""
        self.execute("DELETE FROM tree WHERE id=?", (tree_id,))

    def tree_ids(self) -> list[str]:
        """Return every tree the index knows."""
        return [row[0] for row in self.execute("SELECT id FROM tree")]

    def put_source(self, identity: str, key: str) -> None:
        """Remember which image a file held."""
        self.execute("INSERT OR REPLACE INTO source VALUES (?,?)", (identity, key))
        # An older identity of the file can never match again.
        self.execute("DELETE FROM source WHERE key=? AND identity<>?", (key, identity))

    def source(self, identity: str) -> str | None:
        """Return the image a file of this identity held."""
        rows = self.execute("SELECT key FROM source WHERE identity=?", (identity,))
        return str(rows[0][0]) if rows else None

    def put_remote(self, remote: Remote) -> None:
        """Remember where an image came from; the image must be there."""
        self.execute(
            "INSERT OR REPLACE INTO remote"
            " (url, key, signature_url, etag, max_age, downloaded_at, verified_by)"
            " VALUES (?,?,?,?,?,?,?)",
            (
                *(remote.url, remote.key, remote.signature_url, remote.etag),
                *(remote.max_age, remote.downloaded_at, remote.verified_by),
            ),
        )

    def remote(self, url: str) -> Remote | None:
        """Return what is known of ``url``."""
        rows = self.execute(
            "SELECT url, key, signature_url, etag, max_age, downloaded_at, verified_by"
            " FROM remote WHERE url=?",
            (url,),
        )
        return Remote(*rows[0]) if rows else None

    def origin(self, key: str) -> str | None:
        """Return the URL that the image ``key`` was last downloaded from."""
        rows = self.execute(
            "SELECT url FROM remote WHERE key=? ORDER BY downloaded_at DESC LIMIT 1", (key,)
        )
        return str(rows[0][0]) if rows else None


def open_for_writing(path: str) -> Database:
    """Open or create the database, in the current schema.

    Raises:
        StoreError: it cannot be opened or is of a newer version.
    """
    _make(path)
    db = Database(_connect(path), path)
    try:
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA foreign_keys=ON")
        db.migrate()
    except BaseException:
        db.__exit__(None, None, None)
        raise
    return db


def open_for_reading(path: str) -> Database | None:
    """Open the database if there is one with something in it.

    A read-only file system cannot hold the log files a reader needs; nobody can write there
    either, so the file is then read as it stands.

    Raises:
        StoreError: it cannot be opened.
    """
    if not _is_there(path):
        return None
    for options in ("mode=ro", "immutable=1"):
        db = Database(_connect(f"file:{_uri(path)}?{options}", uri=True), path)
        try:
            if db.version() == len(_MIGRATIONS):
                return db
        except StoreError as error:
            db.__exit__(None, None, None)
            if options == "immutable=1" or not _is_cannot_open(error) or os.access(path, os.W_OK):
                raise
            continue
        db.__exit__(None, None, None)
        if os.access(path, os.W_OK) and os.stat(path).st_size:
            open_for_writing(path).__exit__(None, None, None)  # an older schema
            continue
        return None
    return None


def _make(path: str) -> None:
    """Make an empty database unless there is one.

    SQLite would follow a link that a member of the store's group left, and make a file wherever
    that leads; with the permissions of root.
    """
    try:
        # SQLite gives the same mode to its log files.
        write_new(path, b"", mode=0o660)
    except FileExistsError:
        _is_there(path)


def _is_there(path: str) -> bool:
    """Return whether a database is there.

    Raises:
        StoreError: something else is.
    """
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return False
    if not stat.S_ISREG(mode):
        raise StoreError(
            f"the image index {path} is not a regular file",
            hint="remove it and fetch the images again: the store is a cache",
        )
    return True


def _connect(path: str, *, uri: bool = False) -> Any:  # noqa: ANN401 - _sqlite3 has no stubs
    try:
        return _sqlite3.connect(path, timeout=_BUSY_TIMEOUT, isolation_level=None, uri=uri)
    except _sqlite3.Error as error:
        raise _explained(error, path) from error


def _uri(path: str) -> str:
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _statements(script: str) -> list[str]:
    lines = [line.partition("--")[0] for line in script.splitlines()]
    return [text for text in "\n".join(lines).split(";") if text.strip()]


def _is_cannot_open(error: StoreError) -> bool:
    return getattr(error.__cause__, "sqlite_errorname", "").startswith(
        ("SQLITE_CANTOPEN", "SQLITE_READONLY")
    )


def _cause(error: Exception, path: str) -> Exception:
    """Return ``error``, or what it means: SQLite calls a full disk an I/O error where it cannot
    enlarge the file it shares with others.
    """
    if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        disk = os.statvfs(os.path.dirname(path))
        if disk.f_bavail * disk.f_frsize < _LITTLE:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return error


def _explained(error: Exception, path: str) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_READONLY"):
        return StoreError(f"the image index {path} cannot be written", hint="try as root")
    if name.startswith("SQLITE_FULL"):
        return StoreError("no room for the image index", hint="free some space below " + path)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(
            f"the image index {path} is damaged",
            hint="remove it and fetch the images again: the store is a cache",
        )
    return StoreError(f"cannot use the image index {path}")
