from __future__ import annotations

import os
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import cache
from tests.support.tiers import ROOT, tier_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "tier"),
    [
        ("unit/x/test_a.py", "unit"),
        ("system/test_a.py", "system"),
        ("vm", "vm"),
        ("../rktpy/value.py", ""),
    ],
)
def test_the_folder_decides_the_tier(path: str, tier: str) -> None:
    assert tier_of(f"{ROOT}/{path}") == tier


def test_a_unit_test_cannot_reach_the_network() -> None:
    with socket.socket() as client, pytest.raises(RuntimeError, match="may not connect"):
        client.connect(("127.0.0.1", 9))


def test_a_unit_test_cannot_start_programs_of_the_host() -> None:
    with pytest.raises(RuntimeError, match="may not start"):
        subprocess.run(["true"], check=True)


def test_nor_can_a_child_of_it_become_one() -> None:
    child = os.fork()
    if child == 0:
        try:
            os.execv("/bin/true", ["true"])  # noqa: S606 - it must not
        except RuntimeError:
            os._exit(7)
        os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


class TestCache:
    @pytest.fixture(autouse=True)
    def _elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def test_a_thing_is_built_once(self) -> None:
        built: list[str] = []

        first = cache.built("kind", "key", built.append)

        assert cache.built("kind", "key", built.append) == first
        assert len(built) == 1

    def test_a_failed_build_leaves_nothing(self) -> None:
        def fail(path: str) -> None:
            os.mkdir(f"{path}/half")
            raise OSError("no space")

        with pytest.raises(OSError, match="no space"):
            cache.built("kind", "broken", fail)

        assert [n for n in os.listdir(cache.cache_dir()) if not n.endswith(".lock")] == []

    def test_old_ones_that_nobody_uses_go(self) -> None:
        for number in range(cache.KEEP + 2):
            path = f"{cache.cache_dir()}/kind-old{number}"
            os.mkdir(path)
            os.utime(path, (number, number))

        cache.built("kind", "new", lambda _: None)

        left = sorted(n for n in os.listdir(cache.cache_dir()) if not n.endswith(".lock"))
        assert left == ["kind-new", *(f"kind-old{n}" for n in range(3, cache.KEEP + 2))]
