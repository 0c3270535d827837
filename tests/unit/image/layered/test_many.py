"""Documents of strangers with very much of one thing: what grew with its square took hours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.appc.fields import FrozenMap
from rktpy.host.archive.limits import ArchiveError
from rktpy.image.layered import files
from rktpy.image.layered.challenges import parse_challenges
from rktpy.image.layered.config import Config, Identity, convert
from tests.support.archive import Entry, tar_bytes

if TYPE_CHECKING:
    from pathlib import Path


def test_a_challenge_with_very_many_parameters() -> None:
    challenge, *_rest = parse_challenges("Bearer realm=x," + "a=b," * 100_000)

    assert 10_000 < len(challenge.parameters) <= 1 << 14
    assert challenge.parameter("realm") == "x"


def test_very_many_volumes_whose_names_are_the_same_when_they_are_tidied_up() -> None:
    volumes: dict[str, dict[str, str]] = {f"/{chr(0x4E00 + number)}": {} for number in range(2_000)}
    identity = Identity("example.com/a", "", "a", "a", "", "", "")
    fields = {"os": "linux", "architecture": "amd64", "config": {"Volumes": volumes}}

    app = convert(Config(FrozenMap(fields), ()), identity).app

    assert app is not None
    assert len({point.name for point in app.mount_points}) == len(volumes)


def test_an_archive_cannot_fill_the_memory_with_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_KEPT", 100_000)
    path = tmp_path / "a.tar"
    path.write_bytes(tar_bytes([Entry(f"{number}{'n' * 4000}") for number in range(30)]))

    with pytest.raises(ArchiveError, match="too many entries"):
        files.Archive(os.fspath(path), os.fspath(tmp_path))
