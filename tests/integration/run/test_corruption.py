"""Files of the store damaged in every way: nothing else runs than what was imported, nobody hangs.

What a tree holds is read again by ``image verify`` only, whatever else decides what runs is checked
each time (docs/adr/0018-what-is-checked-at-a-run.md).
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.damage import DAMAGE, flip
from tests.integration.run.images import shell_aci
from tests.integration.run.rk import Rktpy
from tests.support import command
from tests.support.images import image_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.run.rk import Done

NAME = "example.com/precious"
SAID = "as it was signed"


class Store:
    """A data directory with one image that says ``SAID``, and its parts by short names."""

    def __init__(self, home: Path) -> None:
        self.rkt = Rktpy(home / "data")
        app = {"environment": [{"name": "WORD", "value": SAID}]}
        self.aci = shell_aci(
            home / "precious.aci", NAME, exec=("/bin/sh", "-c", 'echo "$WORD"; exit 7'), app=app
        )
        self.rkt.ok("fetch", self.aci)
        self.rkt.prepare(NAME)
        self.rkt.collect()
        self._kept = home / "kept"
        command.run(["cp", "-a", str(self.rkt.data), str(self._kept)])
        cas, key = self.rkt.data / "cas", image_key(self.aci)
        (tree,) = [t for t in (cas / "tree").iterdir() if (t / "image").read_text() == key]
        self.parts = {
            "blob": cas / "blob/sha512" / key[7:9] / key,
            "manifest": cas / "imageManifest/sha512" / key[7:9] / key,
            "index": cas / "db/index.sqlite",
            "snapshot": cas / "db/images.json",
            **{f"tree {name}": tree / name for name in ("manifest", "hash", "image", "rendered")},
        }

    def run(self) -> Done:
        return self.rkt.run(NAME)

    def restore(self) -> None:
        shutil.rmtree(self.rkt.data)
        command.run(["cp", "-a", str(self._kept), str(self.rkt.data)])


@pytest.fixture(scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> list[Store]:
    return []


@pytest.fixture
def store(_store: list[Store], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store, whole before each test and put back after it."""
    if not _store:
        _store.append(Store(tmp_path_factory.mktemp("corruption")))
    (found,) = _store
    yield found
    found.restore()


PARTS = (
    "blob", "manifest", "index", "snapshot",
    "tree manifest", "tree hash", "tree image", "tree rendered",
)  # fmt: skip


def _check(done: Done) -> None:
    """A command did what it should, or says in one line what is wrong."""
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
    assert done.status in (0, 7, 254), done
    assert (done.status == 254) == any(": " in line for line in done.err.splitlines()[-1:]), done


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("part", PARTS)
def test_what_runs_is_what_was_imported(store: Store, part: str, damage: str) -> None:
    DAMAGE[damage](store.parts[part])

    done = store.run()

    assert (done.status, done.lines()) in [(7, [SAID]), (254, [])], done
    _check(done)
    store.rkt.collect()


@pytest.mark.parametrize("damage", ["bit", "gone", "directory", "fifo"])
@pytest.mark.parametrize("part", PARTS)
def test_other_commands_answer_or_say_why_not(store: Store, part: str, damage: str) -> None:
    DAMAGE[damage](store.parts[part])

    for words in (
        ("image", "list"),
        ("image", "verify", NAME),
        ("image", "cat-manifest", NAME),
        ("image", "gc", "--grace-period=24h"),
    ):
        done = store.rkt(*words)
        assert "Traceback" not in done.err, done
        assert "internal error" not in done.err, done
        assert done.status in (0, 254), done


@pytest.mark.parametrize("damage", ["bit", "cut", "gone", "link to a copy", "fifo"])
@pytest.mark.parametrize("part", ["manifest", "tree manifest", "tree rendered", "snapshot"])
def test_what_can_be_made_again_is(store: Store, part: str, damage: str) -> None:
    DAMAGE[damage](store.parts[part])

    fetched = store.rkt("fetch", store.aci)
    done = store.run()

    assert (fetched.status, done.status, done.lines()) == (0, 7, [SAID]), (fetched, done)
    store.rkt.collect()


def test_one_flipped_bit_of_the_blob_is_found_before_a_tree_is_made(store: Store) -> None:
    flip(store.parts["blob"])
    store.parts["tree rendered"].unlink()

    done = store.run()

    assert (done.status, done.lines()) == (254, [])
    assert "image hash does not match expected" in done.err
    assert "rktpy image rm sha512-" in done.err


def test_a_forged_manifest_is_not_what_runs(store: Store) -> None:
    text = store.parts["manifest"].read_text()
    store.parts["manifest"].write_text(text.replace(SAID, "as the forger wants"))

    done = store.run()

    assert (done.status, done.lines()) == (254, [])
    assert "is not the one in its archive" in done.err


def test_a_tree_that_lost_its_manifest_is_made_again(store: Store) -> None:
    text = store.parts["tree manifest"].read_text()
    store.parts["tree manifest"].write_text(text.replace(SAID, "as the forger wants"))

    done = store.run()

    assert (done.status, done.lines()) == (7, [SAID])
    assert store.parts["tree manifest"].read_text() == text
    store.rkt.collect()


def test_a_running_pod_keeps_a_tree_that_is_made_again(store: Store, tmp_path: Path) -> None:
    go = tmp_path / "go"
    os.mkfifo(go)
    trees = store.rkt.data / "cas/tree"
    count = len(os.listdir(trees))
    volume = f"--volume=go,kind=host,source={go}"
    script = "cat /go; cat /etc/passwd >/dev/null && echo still there"
    mount = "--mount=volume=go,target=/go"
    with store.rkt.start("run", volume, mount, NAME, "--exec=/bin/sh", "--", "-c", script) as pod:
        uuid = pod.ready()
        damaged = store.parts["tree manifest"].parent / "rootfs/etc/passwd"
        damaged.write_text("not what was signed")
        store.rkt.ok("image", "verify", NAME)
        store.rkt.ok("image", "gc", "--grace-period=24h")
        assert len(os.listdir(trees)) == count + 1
        go.write_text("")
        done = pod.end()

    assert done.lines() == ["still there"]
    store.rkt.ok("rm", uuid)
    store.rkt.ok("image", "gc", "--grace-period=24h")
    assert not [name for name in os.listdir(trees) if "." in name]
