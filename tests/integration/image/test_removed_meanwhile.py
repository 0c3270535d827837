"""Commands on an image that another command removes after they found it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.image.fetch import fetch
from rktpy.image.reference import parse_reference
from rktpy.layout import Layout
from rktpy.pod.app.overrides import AppSpec
from rktpy.store import locks
from rktpy.store.images import ImageStore
from rktpy.store.index import Index
from rktpy.store.layers import Layers
from rktpy.store.trees import Trees
from rktpy.verbs.image.fetching import means_of
from rktpy.verbs.site import Insecure, Site
from rktpy.verbs.start.gathering import gather
from rktpy.verbs.start.requests import PodSource
from tests.integration.run.rk import PATIENCE, Rktpy, until
from tests.support import layouts
from tests.support.flocks import is_waited_for
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rktpy.host.lock import Lock
    from rktpy.store.importing import Terms

pytestmark = pytest.mark.integration


@pytest.fixture
def rkt(tmp_path: Path) -> Rktpy:
    return Rktpy(tmp_path / "data")


@pytest.fixture
def layout(rkt: Rktpy) -> Layout:
    return Layout(str(rkt.data))


@pytest.fixture(params=["aci", "oci"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An image file as it is typed: one archive, or two layers."""
    if request.param == "aci":
        return str(build_aci(tmp_path / "a.aci", name="example.com/a"))
    made = layouts.Layout(tmp_path / "oci")
    made.image({"file": b"one"}, {"other": b"two"}, tag="t")
    return f"oci:{made.path}:t"


def meanwhile(rkt: Rktpy, held: Lock, act: Callable[[], object], *words: str) -> tuple[int, str]:
    """Start a command, do ``act`` once it waits for ``held`` and let go; return how it ended."""
    command = subprocess.Popen(
        rkt.argv(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with held:
        until(lambda: is_waited_for(held.fd) or command.poll() is not None, "waiting command")
        waited = command.poll() is None
        act()
    _, err = command.communicate(timeout=PATIENCE)
    assert waited, err
    return command.returncode, err


def with_all_of_it(layout: Layout, key: str) -> None:
    """Remove the image ``key`` as ``image rm`` does, and what then is collected."""
    ImageStore(layout).remove(key)
    for tree in Trees(layout).ids():
        Trees(layout).remove(tree)
    for diff_id in Layers(layout).ids():
        Layers(layout).remove(diff_id, needed=lambda _: False)


def test_a_fetch_brings_again_what_is_removed_before_it_is_rendered(
    rkt: Rktpy, layout: Layout, file: str
) -> None:
    key = rkt.ok("fetch", "--full", file).strip()
    held = locks.lock_prepare(layout, exclusive=True)

    ended = meanwhile(rkt, held, lambda: with_all_of_it(layout, key), "fetch", file)

    assert ended == (0, "")
    assert [image.key for image in ImageStore(layout).images()] == [key]
    assert rkt.ok("image", "verify", key).startswith("successfully verified")


class Robbed(ImageStore):
    """A store from which images are removed by others: ``imports`` and ``uses`` say how often as
    soon as one is there, and how often when it is used.
    """

    imports = uses = 0

    def add_aci(self, source: int, terms: Terms | None = None) -> str:
        key = super().add_aci(source, terms)
        if self.imports:
            self.imports -= 1
            ImageStore(self.layout).remove(key)
        return key

    def touch(self, key: str) -> None:
        super().touch(key)
        if self.uses:
            self.uses -= 1
            ImageStore(self.layout).remove(key)


@pytest.fixture
def site(layout: Layout) -> Site:
    return Site(data_dir=layout.data, insecure=Insecure(image=True))


def test_a_fetch_brings_again_what_is_removed_before_it_is_read(site: Site, tmp_path: Path) -> None:
    aci = build_aci(tmp_path / "a.aci")
    store = Robbed(site.layout)
    store.imports = 2

    assert fetch(store, parse_reference(str(aci)), means_of(site, "update")) == image_key(aci)
    assert (store.imports, store.stored_keys()) == (0, [image_key(aci)])


def test_a_pod_gets_an_image_that_is_removed_before_its_tree_is_found(
    site: Site, tmp_path: Path
) -> None:
    aci = build_aci(tmp_path / "a.aci", app={"exec": ["/a"], "user": "0", "group": "0"})
    store = Robbed(site.layout)
    store.uses = 2
    source = PodSource(apps=(AppSpec(str(aci)),))

    with locks.keep_trees(site.layout):
        contents = gather(site, store, source, overlay=True)

    (app,) = contents.apps.values()
    assert (store.uses, Trees(site.layout).ready(app.tree_id)) == (0, True)
    assert image_key(aci) in store.stored_keys()


@pytest.mark.parametrize("verb", ["export", "render", "verify"])
def test_an_image_that_goes_is_told_by_the_name_it_was_given(
    rkt: Rktpy, layout: Layout, tmp_path: Path, file: str, verb: str
) -> None:
    key = rkt.ok("fetch", "--full", file).strip()
    out = [] if verb == "verify" else [str(tmp_path / "out/of")]
    (tmp_path / "out").mkdir()
    short = key[:20]
    if verb == "export" and not file.startswith("oci:"):
        held = locks.lock_image(layout, key, exclusive=True)  # as ``image rm`` holds it
        remove = removed_under_its_lock
    else:
        held = locks.lock_prepare(layout, exclusive=True)
        remove = with_all_of_it

    status, err = meanwhile(rkt, held, lambda: remove(layout, key), "image", verb, short, *out)

    assert f'image "{short}" was removed meanwhile' in err
    assert "rktpy image list" in err
    assert (status, str(rkt.data) in err, os.listdir(tmp_path / "out")) == (254, False, [])


def removed_under_its_lock(layout: Layout, key: str) -> None:
    """Remove an image whose lock is ours."""
    Index(layout).change(lambda db: db.remove_image(key))
    os.unlink(layout.image_manifest(key))
    os.unlink(layout.blob(key))
    locks.forget(layout.image_lock(key))
