"""A pull that was killed in the middle of a layer: the next one asks for the rest of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host import syscalls
from rktpy.image.layered.documents import Descriptor
from rktpy.image.layered.keeping import keep
from rktpy.layout import Layout as Store
from tests.integration.image.registries import IMAGE
from tests.integration.run.rk import until
from tests.integration.store.dying import die_at, in_child, settled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server
    from tests.support.layouts import Layout

pytestmark = pytest.mark.integration

NAME = "docker://example.com/app"
SIZE = 2_500_000  # bytes of the layer's one file
SENT = 2_000_000
_DISK = 24 << 20  # bytes: a little more than eight times the blobs here


@pytest.fixture
def path(server: Server, layout: Layout) -> str:
    return serve(server, layout)


@pytest.fixture
def small_disk(_own_namespaces: None, tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    syscalls.mount("tmpfs", str(disk), "tmpfs", 0, f"size={_DISK},mode=755")
    yield disk
    syscalls.umount2(str(disk), syscalls.MNT_DETACH)


def serve(server: Server, layout: Layout) -> str:
    """Serve an image of one layer as a registry would; return where the layer is."""
    content = layout.file(layout.image({"file": os.urandom(SIZE)})).read_bytes()
    server.put("/v2/app/manifests/latest", content)
    said = json.loads(content)
    path = ""
    for blob in (said["config"], *said["layers"]):
        path = f"/v2/app/blobs/{blob['digest']}"
        server.put(path, layout.file(blob))
    return path


def kill_in_the_middle(rkt: Fetcher, server: Server, path: str) -> int:
    """Kill a pull that has ``SENT`` bytes of the layer; return how many it kept."""
    server.rule(path, cut=SENT, hangs=True)
    pull = subprocess.Popen(
        rkt.argv(IMAGE, "fetch", NAME),
        env=os.environ | rkt.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: kept(rkt) > SENT - (1 << 18), "the part of a layer")
    pull.kill()
    pull.wait()
    settled(Store(str(rkt.data)))
    server.rule(path)
    server.forget()
    return kept(rkt)


def kept(rkt: Fetcher) -> int:
    return sum(body.stat().st_size for body in (rkt.data / "cas/download").glob("*/body"))


def is_whole(rkt: Fetcher) -> None:
    """Check the one image that is there, and that nothing else is."""
    rkt.ok("image", "verify", rkt.ok("image", "list", "--no-legend", "--fields=id").strip())
    assert rkt.partials() == []
    rkt.ok("image", "gc")
    assert os.listdir(rkt.data / "cas/tmp") == []


@pytest.mark.parametrize(
    ("rule", "statuses"),
    [({}, [206]), ({"ranges": "no"}, [200]), ({"statuses": (416, 416)}, [416, 200])],
    ids=["ranges", "none", "refused"],
)
def test_the_rest_of_a_layer_is_asked_for_after_a_kill(
    rkt: Fetcher, server: Server, path: str, rule: dict[str, object], statuses: list[int]
) -> None:
    count = kill_in_the_middle(rkt, server, path)
    server.rule(path, **rule)

    rkt.ok(IMAGE, "fetch", NAME)

    asked = server.requests(path)
    assert [one["status"] for one in asked] == statuses
    assert asked[0]["headers"]["range"] == f"bytes={count}-"
    is_whole(rkt)


def test_a_part_of_something_else_is_thrown_away(rkt: Fetcher, server: Server, path: str) -> None:
    good = (server.root / path.lstrip("/")).read_bytes()
    server.put(path, os.urandom(len(good)))
    kill_in_the_middle(rkt, server, path)
    server.put(path, good)

    done = rkt(IMAGE, "fetch", NAME)

    assert (done.status, rkt.images(), rkt.partials()) == (254, [], [])
    assert "has the digest" in done.err
    rkt.ok(IMAGE, "fetch", NAME)
    is_whole(rkt)


def test_a_part_of_another_boot_is_not_gone_on_with(
    rkt: Fetcher, server: Server, path: str
) -> None:
    kill_in_the_middle(rkt, server, path)
    (note,) = (rkt.data / "cas/download").glob("*/validator")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"boot": "another"}))

    rkt.ok(IMAGE, "fetch", NAME)

    assert ["range" in one["headers"] for one in server.requests(path)] == [False]
    is_whole(rkt)


def test_what_is_kept_goes_with_image_gc(rkt: Fetcher, server: Server, path: str) -> None:
    kill_in_the_middle(rkt, server, path)
    rkt.ok("image", "gc")
    assert kept(rkt)
    rkt.ok("image", "gc", "--grace-period=0s")
    assert rkt.partials() == []


@pytest.mark.parametrize("boot", ["this one", "another"])
def test_keeping_killed_at_any_step_keeps_a_beginning_or_nothing(
    small_disk: Path, boot: str
) -> None:
    content = os.urandom(2 << 20)
    blob = Descriptor("", "sha256:" + 64 * "0", len(content))

    def bring() -> None:
        with keep(str(small_disk), "address", blob) as part:
            there = b"".join(part.pieces())
            assert content.startswith(there)
            while more := content[len(there) :][: 1 << 19]:
                part.add(more)
                there += more
            part.discard()

    step, status = 0, -signal.SIGKILL
    while status:
        step += 1
        with keep(str(small_disk), "address", blob) as part:
            part.add(content[:1000])
        if boot == "another":
            (note,) = small_disk.glob("*/validator")
            note.write_text(note.read_text().replace('boot":"', 'boot":"an'))

        def dying(step: int = step) -> None:
            die_at(step)
            bring()

        status = in_child(dying)
        assert status in (0, -signal.SIGKILL)
        assert in_child(bring) == 0
        assert os.listdir(small_disk) == []
    assert step > 8


def test_a_disk_that_gets_full_keeps_nothing(small_disk: Path) -> None:
    blob = Descriptor("", "sha256:" + 64 * "0", 2 << 20)
    with keep(str(small_disk), "address", blob) as part:
        part.add(b"x" * (1 << 20))
        assert [len(piece) for piece in part.pieces()] == [1 << 18] * 4
        (small_disk / "other").write_bytes(bytes(8 << 20))
        part.add(b"y")
        assert os.listdir(small_disk) == ["other"]
        part.add(b"y")
