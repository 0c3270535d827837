"""Images and trees come and go while pods need what was in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.rk import Rktpy
from tests.support.images import image_key
from tests.support.inspect_image import inspect_aci

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration
NAME = "coreos.com/rkt-image-rm"


@pytest.fixture
def own(tmp_path: Path) -> Rktpy:
    """A data directory of its own, with nothing in it."""
    return Rktpy(tmp_path / "data")


@pytest.fixture
def aci(tmp_path: Path) -> Path:
    return inspect_aci(tmp_path / "rm.aci", "--print-msg=still here", name=NAME, isolators=())


@pytest.mark.parametrize("by", ["name", "hash", "both"])
def test_a_prepared_pod_runs_though_its_image_was_removed(own: Rktpy, aci: Path, by: str) -> None:
    uuid = own.prepare(aci)
    stage1 = own.ok("image", "list", "--no-legend", "--fields=id,name")
    words = {"name": [NAME], "hash": [image_key(aci)], "both": [NAME, image_key(aci)]}[by]
    words += [line.split()[0] for line in stage1.splitlines() if "stage1" in line]

    removed = own("image", "rm", *words)
    assert (removed.status, "rm: 2 image(s) successfully removed" in removed.err) == (0, True)
    assert own.ok("image", "list", "--no-legend").strip() == ""

    done = own("run-prepared", "--net=none", uuid)
    assert (done.status, done.lines()) == (0, ["still here"])
    own.collect()


def test_trees_go_after_the_pods_that_needed_them(own: Rktpy, aci: Path) -> None:
    def trees() -> int:
        return len(list((own.data / "cas/tree").iterdir()))

    assert own.run(aci).status == 0
    made = trees()
    own.ok("image", "gc")
    kept = trees()
    own.collect()
    own.ok("image", "gc")

    assert (made, kept, trees()) == (2, 2, 0)
