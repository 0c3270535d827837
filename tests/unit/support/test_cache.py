"""A snapshot in the cache is made once, and again if it came to harm."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

import pytest

from tests.support import cache, vm_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MIB = 1 << 20


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cache of the test's own; the directories that were built in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "_in_use", {})
    return []


def snapshot(made: list[str]) -> str:
    """Return a snapshot that is sparse as those of guests are."""

    def fill(path: str) -> None:
        made.append(path)
        for name in ("disk", "ram", "devices"):
            with open(f"{path}/{name}", "wb") as file:
                file.seek(_MIB)
                file.write(b"x" * 5000)
                file.truncate(3 * _MIB)
        vm_snapshot.seal(path)

    return cache.built("guest", "key", fill, is_sound=vm_snapshot.is_sound)


def forget() -> None:
    """Be another process, as far as the cache is concerned."""
    while cache._in_use:
        os.close(cache._in_use.popitem()[1])


def _flip(name: str) -> None:
    with open(name, "r+b") as file:
        file.seek(_MIB + 4000)
        file.write(b"y")


def _zero(name: str) -> None:
    os.truncate(name, 0)
    os.truncate(name, 3 * _MIB)


HARM: dict[str, Callable[[str], None]] = {
    "nothing": lambda _: None,
    "a byte of the disk": lambda path: _flip(f"{path}/disk"),
    "the memory's data": lambda path: _zero(f"{path}/ram"),
    "the end of the devices": lambda path: os.truncate(f"{path}/devices", _MIB),
    "the disk": lambda path: os.unlink(f"{path}/disk"),
    "the sums": lambda path: os.truncate(f"{path}/sums.json", 0),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_snapshot_that_came_to_harm_is_made_again(made: list[str], harm: str) -> None:
    path = snapshot(made)
    assert snapshot(made) == path
    assert len(made) == 1
    HARM[harm](path)
    os.makedirs(f"{path}.part/left")  # by a builder that was killed
    forget()

    assert snapshot(made) == path
    assert len(made) == (1 if harm == "nothing" else 2)
    assert vm_snapshot.is_sound(path)
    left = set(os.listdir(os.path.dirname(path))) - {"guest-key", "guest-key.lock"}
    assert left == ({"guest-key.part"} if harm == "nothing" else set())


@pytest.mark.parametrize("builds", [False, True])
def test_what_a_killed_builder_left_goes_when_another_is_done(
    made: list[str], *, builds: bool
) -> None:
    cache.built("guest", "other", lambda _: None)
    other = f"{cache.cache_dir()}/guest-other"
    os.rename(other, f"{other}.part")
    with open(f"{other}.lock", "rb") as lock:
        if builds:
            fcntl.flock(lock, fcntl.LOCK_EX)
        snapshot(made)

    assert os.path.isdir(f"{other}.part") is builds
