"""Images built on others: fetched by discovery, verified each, put together right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.image.fetching import images_at, page
from tests.support.images import build_aci, image_id, image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration


class Shelf:
    """Images ``example.com/<letter>``, signed and served."""

    def __init__(self, server: Server, keys: Keys, directory: Path) -> None:
        self._server, self._keys, self._directory = server, keys, directory
        template = "https://example.com/{name}.{ext}"
        for name in "abcdefgh":
            server.put(f"/{name}", page(images_at("example.com", template)))

    def put(self, name: str, *needs: str | dict[str, Any], signed: bool = True, **of: Any) -> Path:
        wanted = [
            {"imageName": f"example.com/{one}"} if isinstance(one, str) else one for one in needs
        ]
        of = {"files": {f"/{name}": name}} | of
        path = build_aci(
            self._directory / f"{name}.aci", name=f"example.com/{name}", dependencies=wanted, **of
        )
        self._server.put(f"/example.com/{name}.aci", path)
        if signed:
            self._server.put(f"/example.com/{name}.aci.asc", self._keys.sign("key1", path))
        return path

    def asked(self) -> list[str]:
        """Return the letters of the images that were downloaded, in order."""
        paths = [one["path"] for one in self._server.requests()]
        return [path[-5] for path in paths if path.endswith(".aci")]


@pytest.fixture
def shelf(rkt: Fetcher, server: Server, keys: Keys, tmp_path: Path) -> Shelf:
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    return Shelf(server, keys, tmp_path)


def test_a_tree_is_fetched_breadth_first_and_each_image_once(rkt: Fetcher, shelf: Shelf) -> None:
    shelf.put("a", "b", "c", "d")
    shelf.put("b")
    shelf.put("c", "b", "e")
    shelf.put("d", "b", "e")
    shelf.put("e")

    rkt.ok("fetch", "example.com/a")

    assert shelf.asked() == ["a", "b", "c", "d", "e"]
    assert len(list((rkt.data / "cas/tree").iterdir())) >= 1


def test_what_is_in_the_store_is_not_asked_for(rkt: Fetcher, shelf: Shelf) -> None:
    shelf.put("a", "b", "c")
    shelf.put("b")
    shelf.put("c")
    rkt.ok("fetch", "example.com/b")

    done = rkt("--debug", "fetch", "--pull-policy=new", "example.com/a")

    assert shelf.asked() == ["b", "a", "c"]
    assert "image: using image from local store for image name example.com/b\n" in done.err


def test_an_unsigned_dependency_stops_the_fetch(rkt: Fetcher, shelf: Shelf) -> None:
    shelf.put("a", "b")
    shelf.put("b", signed=False)

    done = rkt("fetch", "example.com/a")
    assert "error downloading the signature file of example.com/b at https://" in done.err
    assert "bad HTTP status code: 404 (it is not signed; if you trust" in done.err
    assert rkt("--insecure-options=image", "fetch", "example.com/a").status == 0


def test_an_unverified_dependency_in_the_store_is_not_used(rkt: Fetcher, shelf: Shelf) -> None:
    shelf.put("a", "b")
    bad = shelf.put("b", signed=False, files={"/evil": "b"})
    rkt.ok("--insecure-options=image", "fetch", bad)
    shelf.put("b")

    key = rkt.ok("fetch", "--pull-policy=new", "example.com/a").strip()

    assert shelf.asked() == ["a", "b"]
    rootfs = [p for p in (rkt.data / "cas/tree").glob("*/rootfs") if (p / "a").exists()]
    assert key
    assert [(p / "b").exists() and not (p / "evil").exists() for p in rootfs] == [True]


def test_a_dependency_pinned_by_its_id_is_that_one(rkt: Fetcher, shelf: Shelf) -> None:
    other = shelf.put("b", files={"/other": "b"})
    pinned = image_id(other)
    shelf.put("b")
    shelf.put("a", {"imageName": "example.com/b", "imageID": pinned})

    wrong = rkt("fetch", "example.com/a")
    assert 'the dependency "example.com/b" is sha512-' in wrong.err
    assert f"not {pinned}" in wrong.err

    shelf.put("b", files={"/other": "b"})
    rkt.ok("fetch", "example.com/a")
    asked = len(shelf.asked())
    rkt.ok("fetch", "example.com/a")
    assert shelf.asked()[asked:] == ["a"]  # the ID says it all, and a is asked for news


def test_labels_of_a_dependency_count(rkt: Fetcher, shelf: Shelf) -> None:
    labels = [{"name": "version", "value": "1"}]
    shelf.put("a", {"imageName": "example.com/b", "labels": labels})
    shelf.put("b", labels={"version": "2"})

    assert 'requested value for label "version": "1" differs' in rkt("fetch", "example.com/a").err
    shelf.put("b", labels={"version": "1"})
    rkt.ok("fetch", "example.com/a")


def test_a_loop_is_refused(rkt: Fetcher, shelf: Shelf) -> None:
    shelf.put("a", "b")
    shelf.put("b", "c")
    shelf.put("c", "b")

    done = rkt("fetch", "example.com/a")

    assert done.status == 254
    assert 'dependency loop detected at image "example.com/b"' in done.err
    assert shelf.asked() == ["a", "b", "c"]


def test_an_image_that_needs_itself_is_refused(rkt: Fetcher, shelf: Shelf) -> None:
    shelf.put("a", "a")

    assert 'dependency loop detected at image "example.com/a"' in rkt("fetch", "example.com/a").err


def test_too_many_dependencies_are_refused(rkt: Fetcher, shelf: Shelf) -> None:
    shelf.put("b")
    many = [
        {"imageName": "example.com/b", "labels": [{"name": f"n{number}", "value": "x"}]}
        for number in range(300)
    ]
    shelf.put("a", *many)
    shelf.put("b", labels={f"n{number}": "x" for number in range(300)})

    done = rkt("fetch", "--pull-policy=new", "example.com/a")
    assert "more than 256 dependencies" in done.err


def test_whitelists_bind_their_own_branch_only(rkt: Fetcher, shelf: Shelf, tmp_path: Path) -> None:
    files = {f"/{letter}/{name}": letter for letter in "cd" for name in ("kept", "dropped")}
    shelf.put("a", "b", "c")
    shelf.put("b", "d", pathWhitelist=["/b", "/d/kept"])
    shelf.put("d", files={"/d/kept": "d", "/d/dropped": "d"})
    shelf.put("c", files={name: text for name, text in files.items() if text == "c"})
    rkt.ok("fetch", "example.com/a")
    out = tmp_path / "out"

    rkt.ok("image", "render", "--rootfs-only", "example.com/a", out)

    found = sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())
    assert found == ["a", "b", "c/dropped", "c/kept", "d/kept"]


def test_one_flipped_bit_in_any_image_of_a_tree_is_found(
    rkt: Fetcher, shelf: Shelf, server: Server
) -> None:
    shelf.put("a", "b")
    good = shelf.put("b", files={"/b": "content"})
    data = bytearray(good.read_bytes())
    data[data.index(b"content")] ^= 1
    server.put("/example.com/b.aci", bytes(data))

    done = rkt("fetch", "example.com/a")

    assert "is not what key" in done.err
    assert image_key(good) not in rkt.ok("image", "list", "--full", "--no-legend")
