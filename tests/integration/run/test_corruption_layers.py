"""Layers and stacks damaged in every way: as ``test_corruption``, for images of layers."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.store.images import ImageStore
from tests.integration.run.damage import DAMAGE
from tests.integration.run.rk import Rktpy
from tests.integration.run.test_stacked import STACKED, _layers
from tests.integration.store.layered import add_stack, diff_id
from tests.support import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEEN = ["new", "old"]


class Stacked:
    """A data directory with an image of three layers, and its parts by short names."""

    def __init__(self, home: Path) -> None:
        self.rkt = Rktpy(home / "data")
        self.rkt.data.mkdir(mode=0o750)
        self._kept = home / "kept"
        store = ImageStore(Layout(str(self.rkt.data)))
        key = add_stack(store, _layers(), exec=("/bin/sh", "-c"))
        self.rkt.prepare(STACKED)
        self.rkt.collect()
        command.run(["cp", "-a", str(self.rkt.data), str(self._kept)])
        cas = self.rkt.data / "cas"
        (tree,) = [t for t in (cas / "tree").iterdir() if (t / "image").read_text() == key]
        layer = cas / "layer" / diff_id("upper").replace(":", "-")
        self.parts = {
            "document": cas / "blob/sha512" / key[7:9] / key,
            "manifest": cas / "imageManifest/sha512" / key[7:9] / key,
            **{f"tree {n}": tree / n for n in ("layers", "manifest", "hash", "rendered")},
            **{f"layer {n}": layer / n for n in ("hash", "ends", "size", "rendered")},
        }

    def restore(self) -> None:
        shutil.rmtree(self.rkt.data)
        command.run(["cp", "-a", str(self._kept), str(self.rkt.data)])


@pytest.fixture(scope="module")
def _made() -> list[Stacked]:
    return []


@pytest.fixture
def stacked(_made: list[Stacked], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacked]:
    if not _made:
        _made.append(Stacked(tmp_path_factory.mktemp("layers")))
    yield _made[0]
    _made[0].restore()


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    "part",
    [
        "document", "manifest", "tree layers", "tree manifest", "tree hash", "tree rendered",
        "layer hash", "layer ends", "layer size", "layer rendered",
    ],
)  # fmt: skip
def test_what_runs_is_what_was_fetched(stacked: Stacked, part: str, damage: str) -> None:
    DAMAGE[damage](stacked.parts[part])

    done = stacked.rkt.run(STACKED, "--", "ls /d; exit 7")

    assert (done.status, done.lines()) in [(7, SEEN), (254, [])], done
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
    assert done.status == 7 or ": " in done.err
    stacked.rkt.collect()


@pytest.mark.parametrize("damage", ["bit", "cut", "gone", "fifo"])
@pytest.mark.parametrize("part", ["document", "tree layers", "layer hash", "layer ends"])
def test_verify_answers_or_says_why_not(stacked: Stacked, part: str, damage: str) -> None:
    DAMAGE[damage](stacked.parts[part])

    for words in (("image", "verify", STACKED), ("image", "list"), ("image", "gc")):
        done = stacked.rkt(*words)
        assert "Traceback" not in done.err, done
        assert "internal error" not in done.err, done
        assert done.status in (0, 254), done


@pytest.mark.parametrize("damage", ["bit", "cut", "empty", "gone", "link to a copy"])
@pytest.mark.parametrize("part", ["tree layers", "tree rendered", "tree manifest"])
def test_a_stack_whose_list_is_damaged_is_made_again(
    stacked: Stacked, part: str, damage: str
) -> None:
    DAMAGE[damage](stacked.parts[part])

    done = stacked.rkt.run(STACKED, "--", "ls /d; exit 7")

    assert (done.status, done.lines()) == (7, SEEN), done
    stacked.rkt.collect()
