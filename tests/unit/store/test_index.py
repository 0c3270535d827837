"""The index on disk: what survives, who sees it, and what broken files say."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.store import places
from rktpy.store.database import Remote
from rktpy.store.errors import StoreError
from rktpy.store.index import Index
from rktpy.store.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "sha512-" + "a" * 64


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(str(tmp_path / "data"))
    places.make_store(layout)
    return layout


def _row(key: str = KEY, *, at: int = 5, latest: bool = False, by: str = "") -> Row:
    labels = [("version", "1"), ("ümlaut", '"')]
    return Row([key, key[7:] * 2, "example.com/a", labels, at, latest, 1024, by, []])


def test_an_empty_data_dir_has_no_images_and_gets_no_files(tmp_path: Path) -> None:
    assert Index(Layout(str(tmp_path))).rows() == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_put_is_found_by_another_reader(layout: Layout) -> None:
    Index(layout).change(lambda db: db.put_image(_row()))
    Index(layout).change(lambda db: db.put_tree("deps-sha512-x", KEY, 7))

    (row,) = Index(layout).rows()

    assert row.fields() == [*_row().fields()[:8], (("deps-sha512-x", 7),)]


def test_snapshot_and_database_say_the_same(layout: Layout) -> None:
    Index(layout).change(lambda db: db.put_image(_row()))
    from_snapshot = [row.fields() for row in Index(layout).rows()]
    os.unlink(layout.index_snapshot)

    assert [row.fields() for row in Index(layout).rows()] == from_snapshot


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format":1,"boot":"another","images":[]}'])
def test_a_broken_or_old_snapshot_is_not_believed(layout: Layout, content: str) -> None:
    Index(layout).change(lambda db: db.put_image(_row()))
    with open(layout.index_snapshot, "w") as file:
        file.write(content)

    assert [row.key for row in Index(layout).rows()] == [KEY]


def test_a_failed_change_changes_nothing(layout: Layout) -> None:
    index = Index(layout)

    def broken(db: object) -> None:
        db.put_image(_row())  # type: ignore[attr-defined]
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        index.change(broken)

    assert index.rows() == []


def test_a_writer_killed_after_the_commit_leaves_no_stale_snapshot(layout: Layout) -> None:
    Index(layout).change(lambda db: db.put_image(_row()))
    pid = os.fork()
    if not pid:

        def die(event: str, args: tuple[object, ...]) -> None:
            if event == "open" and str(args[0]).endswith(".tmp"):
                os.kill(os.getpid(), 9)

        sys.addaudithook(die)
        Index(layout).change(lambda db: db.remove_image(KEY))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9

    index = Index(layout)

    assert index.rows() == []
    index.tidy()
    assert not [name for name in os.listdir(os.path.dirname(layout.index)) if "tmp" in name]


def test_a_second_import_renews_but_never_takes_back(layout: Layout) -> None:
    index = Index(layout)
    index.change(lambda db: db.put_image(_row(at=1, latest=True, by="FINGERPRINT")))
    index.change(lambda db: db.put_image(_row(at=2)))

    (row,) = index.rows()

    assert (row.imported_at, row.latest, row.verified_by) == (2, True, "FINGERPRINT")


def test_removing_an_image_forgets_where_it_came_from(layout: Layout) -> None:
    index = Index(layout)
    index.change(lambda db: db.put_image(_row()))
    index.change(lambda db: db.put_remote(Remote("https://x/a.aci", KEY, etag="e", max_age=9)))
    assert index.read(lambda db: db.remote("https://x/a.aci")) == Remote(
        "https://x/a.aci", KEY, etag="e", max_age=9
    )

    assert index.change(lambda db: db.remove_image(KEY)) is True
    assert index.change(lambda db: db.remove_image(KEY)) is False
    assert index.read(lambda db: db.remote("https://x/a.aci")) is None


def test_a_newer_schema_is_left_alone(layout: Layout) -> None:
    with sqlite3.connect(layout.index) as db:
        db.execute("PRAGMA user_version=99")
    db.close()

    with pytest.raises(StoreError, match="current store db version: 99"):
        Index(layout).change(lambda db: db.put_image(_row()))
    with pytest.raises(StoreError, match="greater than the current rkt expected version: 1"):
        Index(layout).rows()


def test_a_damaged_database_says_so(layout: Layout) -> None:
    with open(layout.index, "wb") as file:
        file.write(b"no database at all, but long enough to be looked at" * 100)

    with pytest.raises(StoreError, match="is damaged"):
        Index(layout).rows()


def test_an_interrupted_migration_leaves_an_empty_database_that_works(layout: Layout) -> None:
    sqlite3.connect(layout.index).close()
    with open(layout.index, "wb"):
        pass

    assert Index(layout).rows() == []
    Index(layout).change(lambda db: db.put_image(_row()))
    assert [row.key for row in Index(layout).rows()] == [KEY]


def test_the_database_is_for_the_group_too(layout: Layout) -> None:
    Index(layout).change(lambda db: db.put_image(_row()))

    assert os.stat(layout.index).st_mode & 0o777 == 0o660


def test_one_flipped_bit_of_the_snapshot_is_found(layout: Layout) -> None:
    Index(layout).change(lambda db: db.put_image(_row()))
    with open(layout.index_snapshot, "rb") as file:
        good = file.read()

    for position in range(len(good)):
        flipped = bytearray(good)
        flipped[position] ^= 1
        with open(layout.index_snapshot, "wb") as file:
            file.write(flipped)
        assert [row.fields() for row in Index(layout).rows()] == [_row().fields()]


@pytest.mark.parametrize("to", ["something", "nothing"])
def test_a_link_in_place_of_the_database_is_not_followed(
    layout: Layout, tmp_path: Path, to: str
) -> None:
    (tmp_path / "something").touch()
    os.symlink(tmp_path / to, layout.index)

    for act in (Index(layout).rows, lambda: Index(layout).change(lambda db: db.images())):
        with pytest.raises(StoreError, match="is not a regular file"):
            act()

    assert not (tmp_path / "nothing").exists()
    assert (tmp_path / "something").read_bytes() == b""


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("nowhere", path)])
def test_what_is_no_snapshot_is_passed_over(layout: Layout, make: Callable[[str], object]) -> None:
    Index(layout).change(lambda db: db.put_image(_row()))
    os.unlink(layout.index_snapshot)
    make(layout.index_snapshot)

    assert [row.key for row in Index(layout).rows()] == [KEY]


def test_a_key_that_is_a_path_is_no_image(layout: Layout) -> None:
    index = Index(layout)
    row = Row(["../../x", "", "example.com/a", [], 1, True, 1, "F", ()])
    index.change(lambda db: db.put_image(row))

    assert index.rows() == []
