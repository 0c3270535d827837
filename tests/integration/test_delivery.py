"""``make install`` and ``make uninstall``, into a directory that has files of others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

CHECKOUT = Path(__file__).parents[2]
OTHERS = (
    "usr/bin/podman", "usr/share/man/man1/rkt.1", "usr/lib/systemd/system/ssh.service",
    "usr/share/zsh/site-functions/_git", "etc/rktpy/web.pod",
)  # fmt: skip


def make(target: str, root: Path, *words: str) -> None:
    subprocess.run(
        ["make", target, f"DESTDIR={root}", "PREFIX=/usr", f"PYTHON={sys.executable}", *words],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )


def files(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir()}


def test_uninstall_takes_all_that_install_put_there_and_nothing_else(tmp_path: Path) -> None:
    for name in OTHERS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs")

    make("install", tmp_path, "DEPS=no", "ALIAS=rocket")
    installed = files(tmp_path)
    make("uninstall", tmp_path)

    generator = "usr/lib/systemd/system-generators/rktpy-generator"
    assert {generator, "usr/bin/rocket", "usr/share/man/man1/rocket.1"} <= installed
    assert files(tmp_path) == set(OTHERS)
    make("uninstall", tmp_path)  # a second time has nothing to do
