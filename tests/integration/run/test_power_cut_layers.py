"""The power is cut at any step of what brings layers and takes them away: no pod ever starts from a
half of one, the next fetch brings what is missing, and one gc leaves nothing.

Of the cuts of ``test_power_cut``, every second one leaves names without content.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.image.fetch import fetch
from rktpy.image.reference import parse_reference
from rktpy.verbs.image.fetching import means_of, store_of
from rktpy.verbs.site import Insecure, Site
from tests.integration.run.images import BUSYBOX, SHELL
from tests.integration.run.killing import Moment, record, spread
from tests.integration.run.rk import until
from tests.integration.run.test_power_cut import Cuts, disk, rkt
from tests.integration.store.dying import STEPS, in_child
from tests.support import archive
from tests.support.aci_server import Server
from tests.support.layouts import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.integration.run.rk import Rktpy
    from tests.support.power import PoweredDisk

__all__ = ["disk", "rkt"]  # fixtures

NAME = "docker://127.0.0.1:5000/app"
WHOLE, HALF, REFUSED = 7, 9, 254
_CHANGES = STEPS - {"open", "os.listdir", "sqlite3.connect"}
_COUNT = struct.Struct("=q")


class App:
    """An image of three layers, the largest large enough to be kept while it arrives; its app looks
    at all of them."""

    def __init__(self, rkt: Rktpy, server: Server, layout: Layout) -> None:
        self._rkt = rkt
        self._server = server
        two, three = os.urandom(1_500_000), os.urandom(5000)
        wanted = hashlib.md5(two + three).hexdigest()  # noqa: S324 - what busybox has
        script = (
            f'[ "$(cat /two /three | /bin/busybox md5sum)" = "{wanted}  -" ] || exit {HALF};'
            f" exit {WHOLE}"
        )
        names = {f"bin/{name}": archive.symlink("busybox") for name in ("sh", "cat")}
        base = {"bin/busybox": archive.file(BUSYBOX.read_bytes(), 0o755), **names}
        layers = (base, {"two": two}, {"three": three})
        config = {"Entrypoint": ["/bin/sh", "-c"], "Cmd": [script]}
        content = layout.file(layout.image(*layers, config=config)).read_bytes()
        server.put("/v2/app/manifests/latest", content)
        said = json.loads(content)
        for blob in (said["config"], *said["layers"]):
            server.put(self._path(blob), layout.file(blob))
        self._second = self._path(said["layers"][1])
        self.ended: list[int] = []
        self.key = self.bring()

    def bring(self) -> str:
        return self._rkt.ok("fetch", NAME).strip()

    @property
    def forget(self) -> Sequence[Sequence[str]]:
        """The commands that bring what is missing of it, check that, and take it away."""
        away = (("image", "rm", self.key), ("gc", "--grace-period=0s"), ("image", "gc"))
        return (("fetch", NAME), ("image", "verify", self.key), *away)

    def take_away(self) -> None:
        for command in self.forget:
            self._rkt.ok(*command)

    def look(self) -> list[str]:
        """Run it from what is there; return what is wrong."""
        done = self._rkt("run", "--net=none", "--pull-policy=never", NAME)
        self.ended.append(done.status)
        return [] if done.status in (WHOLE, REFUSED) else [f"ran from a half: {done}"]

    def kill_in_a_layer(self, moment: Moment, _argv: Sequence[str], _trace: Path) -> bool:
        """Kill a pull with all its processes when that of a layer is at ``moment``, or has a part
        of its layer."""
        if moment.call == "arriving":
            return self._kill_while_it_arrives()
        return in_child(lambda: self._pull(moment.number)) == -signal.SIGKILL

    def steps_of_layers(self) -> list[Moment]:
        """Pull it; return the moments at which a layer's process changes something."""
        with mmap.mmap(-1, mmap.PAGESIZE) as counter:
            assert in_child(lambda: self._pull(0, counter)) == 0
            (count,) = _COUNT.unpack_from(counter)
        assert count > 20
        return [Moment("layer", n + 1, "") for n in range(count)]

    def _pull(self, deadly: int, counter: mmap.mmap | None = None) -> None:
        os.setpgid(0, 0)
        home, count = os.getpid(), 0

        def watch(event: str, _args: tuple[object, ...]) -> None:
            nonlocal count
            if event in _CHANGES and os.getppid() == home:
                count += 1
                if counter is not None:
                    _COUNT.pack_into(counter, 0, max(count, *_COUNT.unpack_from(counter)))
                if count == deadly:
                    os.killpg(0, signal.SIGKILL)

        sys.addaudithook(watch)
        none = "/none"
        site = Site(
            data_dir=str(self._rkt.data),
            local_config=none,
            system_config=none,
            insecure=Insecure(image=True),
        )
        fetch(store_of(site), parse_reference(NAME), means_of(site, "update"))

    def _kill_while_it_arrives(self) -> bool:
        self._server.rule(self._second, cut=1_200_000, cuts=1000, hangs=True)
        argv = self._rkt.argv("fetch", NAME)
        quiet = subprocess.DEVNULL
        with subprocess.Popen(argv, start_new_session=True, stdout=quiet, stderr=quiet) as pull:
            until(self._is_arriving, "a part of a layer")
            os.killpg(pull.pid, signal.SIGKILL)
        self._server.rule(self._second)
        return True

    def _is_arriving(self) -> bool:
        bodies = self._rkt.data.glob("cas/download/*/body")
        return any(body.stat().st_size > 900_000 for body in bodies)

    @staticmethod
    def _path(blob: dict[str, str]) -> str:
        return f"/v2/app/blobs/{blob['digest']}"


@pytest.fixture
def app(rkt: Rktpy, tmp_path: Path) -> Iterator[App]:
    """The image, served and not in the store; stage1 is kept from ``image gc`` by a pod."""
    rkt.prepare(SHELL)
    with Server(tmp_path / "served", 5000) as server:
        app = App(rkt, server, Layout(tmp_path / "layout"))
        assert rkt("run", "--net=none", NAME).status == WHOLE
        app.take_away()
        yield app


@pytest.fixture(params=["only names", "nothing more"])
def cuts(request: pytest.FixtureRequest, disk: PoweredDisk, rkt: Rktpy, app: App) -> Cuts:
    return Cuts(disk, rkt, names=request.param == "only names")


def some(moments: Sequence[Moment], count: int, cuts: Cuts) -> list[Moment]:
    """Return ``count`` of ``moments``; others for the one kind of cuts than for the other."""
    return spread(moments, 2 * count)[0 if cuts.names else 1 :: 2]


def test_a_pull_is_cut(rkt: Rktpy, app: App, cuts: Cuts, tmp_path: Path) -> None:
    argv, trace = rkt.argv("fetch", NAME), tmp_path / "trace"
    ours = record(argv, trace)
    forked = next(n for n, moment in enumerate(ours) if "SIGCHLD" in moment.text)
    app.take_away()
    of_layers = app.steps_of_layers()
    app.take_away()

    look, after = app.look, app.forget
    moments = [*some(ours[forked:-1], 3, cuts), ours[-1]]  # the last tells that it is there
    cuts.at(moments, argv, trace, look=look, after=after, lost="")
    assert app.ended[-1] == WHOLE
    assert set(app.ended) == {WHOLE, REFUSED}
    moments = [*some(of_layers[len(of_layers) // 2 :], 2, cuts), Moment("arriving", 0, "")]
    kill = app.kill_in_a_layer
    cuts.at(moments, argv, trace, kill=kill, look=look, after=after, lost="hash")


def test_what_takes_an_image_away_is_cut(rkt: Rktpy, app: App, cuts: Cuts, tmp_path: Path) -> None:
    def fill() -> None:
        app.bring()
        rkt.ok("image", "rm", app.key)

    trace = tmp_path / "trace"
    rm, gc = rkt.argv("image", "rm", app.key), rkt.argv("image", "gc")
    app.bring()
    removing = record(rm, trace)
    collecting = record(gc, trace)

    look, after = app.look, app.forget
    cuts.at(some(removing, 2, cuts), rm, trace, before=app.bring, look=look, after=after, lost="")
    lost = "images.json" if cuts.names else "rendered"
    cuts.at(some(collecting, 3, cuts), gc, trace, before=fill, look=look, after=after, lost=lost)
    assert set(app.ended) == {WHOLE, REFUSED}
