"""The rows about registries: images of layers from a ``docker-registry`` on loopback to a store
that can run them. The peers are ``podman pull`` and ``skopeo copy`` with ``umoci unpack``.

All pull from one registry, over plain http, and have their stores on one file system. Each round
begins with a store without the image; what makes it so is not timed.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tests.bench import payload, sandbox
from tests.bench.model import Budget, Row, Side, UnavailableError
from tests.bench.rktpy_side import void
from tests.support.layouts import Layout
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bench.floors import Floors
    from tests.bench.podman import Podman
    from tests.bench.rktpy_side import Rktpy

_MIB = 1 << 20
_MEMORY = 150  # MB, of all processes together, however large the image


class Pulls:
    """Sets the sides of these rows up below ``home``; ``podman`` is asked for when needed."""

    def __init__(
        self, home: Path, rktpy: Rktpy, podman: Callable[[], Podman], floors: Floors
    ) -> None:
        self.home = home
        self.rktpy = rktpy
        self.floors = floors
        self._podman = podman

    def rows(self) -> list[Row]:
        """Return the rows, the large one that has to be named last."""
        return [
            Row("pull-layer", "pull, one layer of 104 MiB", Budget(wall=900, memory=_MEMORY), {
                **self._all("large"), "floor": self._unpack,
            }, rounds=7),
            Row("pull-10", "pull, 10 layers of 5 MiB", Budget(below_peer=True, memory=_MEMORY),
                self._all("ten"), rounds=7),
            Row("pull-shared", "pull, 9 of 10 layers are there", Budget(below_peer=True), {
                "rktpy": lambda: self._own("other", there="ten"),
                "podman": lambda: self._peer("other", there="ten"),
            }, rounds=7),
            Row("pull-present", "pull, the image is there", Budget(wall=60), {
                "rktpy": lambda: self._own("ten", there="ten", anew=False),
                "podman": lambda: self._peer("ten", there="ten", anew=False),
            }, rounds=15),
            Row("pull-huge", "pull, one layer of 1 GiB", Budget(memory=_MEMORY), self._all("huge"),
                rounds=1, routine=False),
        ]  # fmt: skip

    def _all(self, name: str) -> dict[str, Callable[[], Side]]:
        return {
            "rktpy": lambda: self._own(name),
            "podman": lambda: self._peer(name),
            "umoci": lambda: self._tools(name),
        }

    def _own(self, name: str, *, there: str = "", anew: bool = True) -> Side:
        def before() -> None:
            self.rktpy.fresh()
            if there:
                self.rktpy.call("fetch", f"docker://{self._pushed(there)}")

        command = self.rktpy.command("fetch", f"docker://{self._pushed(name)}")
        if not anew:
            before()
        return Side([command], before=before if anew else lambda: void(None), together=True)

    def _peer(self, name: str, *, there: str = "", anew: bool = True) -> Side:
        podman = self._podman()
        words = ("pull", "--quiet", "--tls-verify=false")

        def before() -> None:
            podman.fresh()
            if there:
                podman.call(*words, self._pushed(there))

        command = podman.command(*words, self._pushed(name))
        if not anew:
            before()
        return Side(
            [command], before=before if anew else lambda: void(None), close=podman.drop,
            together=True,
        )  # fmt: skip

    def _tools(self, name: str) -> Side:
        place = self.home / "umoci"

        def before() -> None:
            sandbox.set_aside(place)
            place.mkdir()

        source = f"docker://{self._pushed(name)}"
        copy = ("/usr/bin/skopeo", "copy", "--quiet", "--src-tls-verify=false")
        unpack = ("/usr/bin/umoci", "unpack", "--image", f"{place}/layout:it", f"{place}/bundle")
        return Side([(*copy, source, f"oci:{place}/layout:it"), unpack], before=before)

    def _unpack(self) -> Side:
        """Unpacking the layer from the registry's own file, with tar."""
        self._pushed("large")
        blobs = [path for path in self.home.glob("registry/**/data") if path.is_file()]
        return self.floors.extract(max(blobs, key=lambda path: path.stat().st_size))

    # -- the registry ---------------------------------------------------------------------------

    @cached_property
    def _registry(self) -> Registry:
        """A running registry; it ends with the sandbox."""
        try:
            return Registry(self.home).__enter__()
        except FileNotFoundError as error:
            raise UnavailableError("docker-registry is not installed (make setup)") from error

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.home / "layout")

    @cached_property
    def _names(self) -> dict[str, str]:
        return {}

    def _pushed(self, name: str) -> str:
        """Return the reference of an image; it is made and pushed when first asked for."""
        if name not in self._names:
            self._layout.image(*_layers(name), tag=name)
            self._registry.push(f"oci:{self._layout.path}:{name}", f"bench:{name}")
            self._names[name] = f"{self._registry.host}/bench:{name}"
        return self._names[name]


def _layers(name: str) -> list[dict[str, bytes]]:
    if name in ("large", "huge"):
        return [payload.files(104 * _MIB if name == "large" else 1024 * _MIB, seed=1)]
    seeds = [*range(2, 11), 11 if name == "ten" else 12]
    return [payload.files(5 * _MIB, seed=seed) for seed in seeds]
