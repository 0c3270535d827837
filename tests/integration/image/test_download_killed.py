"""kill -9 at any step of a fetch by name: the next one gets it right, and nothing stays behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.image.fetching import images_at, page
from tests.integration.run.killing import kill_at, record, spread, tree_of
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration

NAME = "example.com/app"
MANY = 24


@pytest.fixture
def ready(rkt: Fetcher, server: Server, keys: Keys, aci: Path, tmp_path: Path) -> Path:
    """The image of ``NAME`` on a server; a store that has seen another image."""
    server.put("/app", page(images_at(NAME, "https://example.com/{name}.{ext}")))
    server.put("/example.com/app.aci", aci)
    server.put("/example.com/app.aci.asc", keys.sign("key1", aci))
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    other = build_aci(tmp_path / "other.aci", name="example.com/other")
    rkt.ok("--insecure-options=image", "fetch", other)
    return aci


def _clean_up(rkt: Fetcher) -> dict[str, int | None]:
    """Take the image away and collect; return what is left."""
    rkt("image", "rm", NAME)
    rkt.ok("image", "gc")
    return dict.fromkeys(tree_of(rkt.data))


def test_a_fetch_that_was_killed_is_simply_done_again(
    rkt: Fetcher, ready: Path, tmp_path: Path
) -> None:
    fetch = ["/usr/bin/env", *[f"{k}={v}" for k, v in rkt.environment.items()]]
    fetch += rkt.argv("fetch", NAME)
    trace = tmp_path / "trace"
    wanted = image_key(ready)
    record(fetch, tmp_path / "first")  # makes what stays for good
    before = _clean_up(rkt)
    moments = spread(record(fetch, trace), MANY)
    _clean_up(rkt)
    problems, late = [], []
    for moment in moments:
        if not kill_at(moment, fetch, trace):
            late.append(str(moment))
        again = rkt("fetch", "--full", NAME)
        if (again.status, again.out) != (0, f"{wanted}\n"):
            problems.append(f"{moment}: {again}")
        problems += [f"{moment}: {name} left" for name in rkt.partials()]
        after = _clean_up(rkt)
        problems += [f"{moment}: {path} left" for path in after.keys() - before.keys()]
        problems += [f"{moment}: {path} lost" for path in before.keys() - after.keys()]

    assert problems[:10] == []
    assert late == []
