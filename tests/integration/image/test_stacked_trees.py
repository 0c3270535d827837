"""What stacked layers show, against the same layers squashed and against umoci."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.run.rk import Rktpy
from tests.support import archive, command
from tests.support.layouts import whiteout
from tests.support.trees import facts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.archive import Entry
    from tests.support.layouts import Layout

    Content = dict[str, bytes | str | Entry]

pytestmark = pytest.mark.integration
_CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000").decode()  # net_raw
_PAX: tuple[dict[str, str], ...] = (
    {},
    {"SCHILY.xattr.user.note": "x"},
    {"SCHILY.xattr.security.capability": _CAPABILITY},
)
_DEEP = "n" * 120
_DIRS = ("d", "d/e", f"d/{_DEEP}", "g/h")
_TOO_MANY = 201  # layers; so many are squashed


def _tree(rkt: Rktpy, reference: str) -> dict[str, Any]:
    key = rkt.ok("fetch", "--full", reference).strip()
    out = rkt.data.parent / f"rendered-{key[-20:]}"
    rkt.ok("image", "render", "--rootfs-only", key, out)
    found = facts(out)
    # A link to a file of a lower layer is a copy in a stack: which names are one file differs.
    return {name: one[:-1] for name, one in found.items()} | {".": os.stat(out).st_mode}


class _Layers:
    """Layers with all that they may have; parents are described now and then."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._files: list[str] = []

    def make(self) -> list[Content]:
        return [self._layer(number) for number in range(self._dice.randint(2, 5))]

    def _layer(self, number: int) -> Content:
        dice = self._dice
        found: Content = {}
        if dice.random() < 0.3:
            found["./"] = archive.directory(dice.choice([0o755, 0o751]))
        for name in _DIRS:
            if dice.random() < 0.4:
                found[name] = archive.directory(dice.choice([0o755, 0o700, 0o1777]), uid=number)
        for _step in range(dice.randint(0, 4)):
            self._delete(found, f"{dice.choice(_DIRS)}/{dice.choice('xyzw')}")
        below = list(self._files)
        for _step in range(dice.randint(3, 8)):
            self._add(found, f"{dice.choice(_DIRS)}/{dice.choice('xyzw')}", below)
        return found

    def _delete(self, found: Content, name: str) -> None:
        parent, _, last = name.rpartition("/")
        gone = {name}
        if self._dice.random() < 0.3:
            found[f"{parent}/.wh..wh..opq"] = whiteout()
            gone = {one for one in self._files if one.startswith(f"{parent}/")}
        elif name in self._files:
            found[f"{parent}/.wh.{last}"] = whiteout()  # the same layer may bring it again
        self._files = [one for one in self._files if one not in gone]

    def _add(self, found: Content, name: str, below: list[str]) -> None:
        if name in found:
            return
        kind = self._dice.choice("ffflh")
        self._files = [one for one in self._files if one != name]
        if kind == "l":
            found[name] = archive.symlink("../target")
        elif kind == "h" and (others := [one for one in below if one != name]):
            found[name] = archive.hardlink(self._dice.choice(others))
        else:
            found[name] = self._file()
            self._files.append(name)

    def _file(self) -> Entry:
        dice = self._dice
        data = dice.choice([b"", dice.randbytes(3000), bytes(70_000)])
        made = archive.file(
            data, dice.choice([0o644, 0o4755, 0o2711]), uid=dice.choice([0, 70_000]), gid=3
        )
        return replace(made, mtime=archive.MTIME + dice.randint(0, 99), pax=dice.choice(_PAX))


@pytest.mark.parametrize("seed", range(12))
def test_stacked_layers_are_what_they_are_squashed(
    tmp_path: Path, layout: Layout, seed: int
) -> None:
    layers = _Layers(seed).make()
    layout.image(*layers, tag="few")
    layout.image(*layers, *[{} for _ in range(_TOO_MANY - len(layers))], tag="many")
    stacked, squashed = Rktpy(tmp_path / "stacked"), Rktpy(tmp_path / "squashed")

    expected = _tree(squashed, f"oci:{layout.path}:many")
    assert _tree(stacked, f"oci:{layout.path}:few") == expected
    assert len(os.listdir(stacked.data / "cas/layer")) == len(layers)
    assert os.listdir(squashed.data / "cas/layer") == []


@pytest.mark.parametrize("seed", range(12))
def test_stacked_layers_are_what_umoci_unpacks(tmp_path: Path, layout: Layout, seed: int) -> None:
    layout.image(*_Layers(seed).make(), tag="t")
    command.run(["umoci", "unpack", "--image", f"{layout.path}:t", str(tmp_path / "bundle")])

    ours = _tree(Rktpy(tmp_path / "data"), f"oci:{layout.path}:t")
    theirs = facts(tmp_path / "bundle/rootfs")
    assert ours.keys() - {"."} == theirs.keys()
    for name, one in theirs.items():
        # Of times umoci leaves "now" in directories it changed later or had to make.
        assert [ours[name][:3], *ours[name][4:]] == [one[:3], *one[4:-1]], name
