"""``image gc`` beside others: what is being used, and what another one removes."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.store import locks
from rktpy.store.images import ImageStore
from rktpy.store.trees import Trees
from rktpy.verbs.image.gc import collect_images
from rktpy.verbs.image.list import RemoveEvent
from rktpy.verbs.site import Site
from tests.integration.image.test_commands import Rkt, rkt
from tests.integration.run.rk import PATIENCE, Rktpy, until
from tests.support import layouts
from tests.support.flocks import is_waited_for
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["rkt"]
pytestmark = pytest.mark.integration


@pytest.fixture
def keys(rkt: Rkt, tmp_path: Path) -> list[str]:
    """Keys of two stored images in the order in which they are collected."""
    files = [build_aci(tmp_path / f"{name}.aci", name=f"example.com/{name}") for name in "ab"]
    assert rkt("fetch", *map(str, files)).returncode == 0
    found = [image_key(file) for file in files]
    for number, key in enumerate(found):
        os.utime(Layout(str(rkt.data)).image_manifest(key), (number + 1, number + 1))
    return found


def collecting(rkt: Rkt, *, then: str) -> Iterator[object]:
    """Collect all images but those of the last hour, and stop before ``then`` is looked at."""
    events = collect_images(Site(data_dir=str(rkt.data)), 3600 * 10**9)
    for event in events:
        if isinstance(event, RemoveEvent):
            assert (event.kind, event.key != then) == ("removed", True)
            return events
    raise AssertionError("no image was collected")


def stored(rkt: Rkt) -> list[str]:
    return [image.key for image in ImageStore(Layout(str(rkt.data))).images()]


def test_an_image_that_another_collector_removes_is_no_failure(rkt: Rkt, keys: list[str]) -> None:
    events = collecting(rkt, then=keys[1])
    ImageStore(Layout(str(rkt.data))).remove(keys[1])

    assert [event for event in events if isinstance(event, RemoveEvent)] == []
    assert stored(rkt) == []


def test_an_image_that_a_pod_takes_meanwhile_stays(rkt: Rkt, keys: list[str]) -> None:
    layout = Layout(str(rkt.data))
    events = collecting(rkt, then=keys[1])
    rest: list[object] = []
    with locks.lock_prepare(layout, exclusive=False) as held:  # as run and prepare hold it
        collector = threading.Thread(target=lambda: rest.extend(events))
        collector.start()
        until(lambda: not collector.is_alive() or is_waited_for(held.fd), "waiting collector")
        there = stored(rkt)
        ImageStore(layout).touch(keys[1])
    collector.join()

    assert there == [keys[1]]
    assert [event for event in rest if isinstance(event, RemoveEvent)] == []
    assert stored(rkt) == [keys[1]]


@pytest.mark.parametrize(
    "words",
    [("fetch", "{file}"), ("image", "export", "{key}", "{out}"),
     ("image", "render", "{key}", "{out}"), ("image", "verify", "{key}")],
    ids=["fetch", "export", "render", "verify"],
)  # fmt: skip
def test_who_reads_a_tree_waits_for_a_collector_that_may_take_it(
    rkt: Rkt, tmp_path: Path, words: tuple[str, ...]
) -> None:
    made = layouts.Layout(tmp_path / "oci")
    made.image({"file": b"one"}, {"other": b"two"}, tag="t")
    file = f"oci:{made.path}:t"
    key = rkt("fetch", "--full", file).stdout.strip()
    argv = [word.format(file=file, key=key, out=tmp_path / "out") for word in words]
    layout = Layout(str(rkt.data))
    with locks.lock_prepare(layout, exclusive=True) as held:
        command = Rktpy(rkt.data)
        reader = subprocess.Popen(command.argv(*argv), stdout=subprocess.PIPE)
        until(lambda: reader.poll() is not None or is_waited_for(held.fd), "waiting reader")
        waited = reader.poll() is None
        for tree in Trees(layout).ids():
            Trees(layout).remove(tree)
    reader.communicate(timeout=PATIENCE)

    assert (waited, reader.returncode) == (True, 0)
