"""kill -9 at every change to the disk that a fetch from a server makes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from rktpy.host import syscalls
from rktpy.image.fetch import fetch
from rktpy.image.reference import parse_reference
from rktpy.layout import Layout
from rktpy.store.trees import Trees
from rktpy.verbs.image.fetching import means_of, store_of
from rktpy.verbs.image.gc import References, collect_images
from rktpy.verbs.site import Site
from tests.integration.image.fetching import PATH, SIGNATURE, URL
from tests.integration.store.dying import die_at, in_child, settled
from tests.integration.store.support import leftovers, lock_files
from tests.support.images import image_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Authority, Server

pytestmark = pytest.mark.integration


@pytest.fixture
def site(
    rkt: Fetcher, server: Server, keys: Keys, aci: Path, authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> Site:  # fmt: skip
    """A signed image on a server, whose key is trusted."""
    server.put(PATH, aci)
    server.put(SIGNATURE, keys.sign("key1", aci))
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return Site(local_config=str(rkt.local), system_config=str(rkt.system))


@pytest.fixture
def disk(_own_namespaces: None, tmp_path: Path) -> Iterator[Path]:
    """A file system that waits for no disk: there are some hundred syncs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    syscalls.mount("tmpfs", str(disk), "tmpfs", 0, "size=512m,mode=755")
    yield disk
    syscalls.umount2(str(disk), syscalls.MNT_DETACH)


def _fetch(site: Site, directory: str) -> str:
    there = Site(data_dir=directory, local_config=site.local_config, system_config="/none")
    store = store_of(there)
    key = fetch(store, parse_reference(URL), means_of(there, "update"))
    Trees(there.layout).verify(Trees(there.layout).render(store, key))
    return key


def test_a_fetch_killed_at_any_step_is_done_again_or_collected(
    site: Site, aci: Path, disk: Path
) -> None:
    wanted = image_key(aci)
    _fetch(site, str(disk / "0"))  # imports what there is to import
    step, status = 0, -9
    while status:
        step += 1
        layout = Layout(str(disk / str(step)))

        def die(step: int = step, layout: Layout = layout) -> None:
            die_at(step)
            _fetch(site, layout.data)

        status = in_child(die)
        assert status in (0, -signal.SIGKILL)
        settled(layout)
        if step % 2:
            assert in_child(lambda layout=layout: _fetch(site, layout.data)) == 0  # type: ignore[misc]
            assert [row.key for row in store_of(_at(layout)).images()] == [wanted]
        else:
            store_of(_at(layout)).scratch()
            for key in [row.key for row in store_of(_at(layout)).images()]:
                store_of(_at(layout)).remove(key)
        list(collect_images(_at(layout), -1, references=lambda _layout: References()))
        assert os.listdir(layout.downloads) == []
        assert os.listdir(layout.cas_tmp) == []
        assert step % 2 or (leftovers(layout), lock_files(layout)) == ([], [])
    assert step > 60


def _at(layout: Layout) -> Site:
    return Site(data_dir=layout.data, system_config="/none", local_config="/none")
