"""The version of systemd where its libraries do not tell: nspawn is run and asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.systemd.facts import systemd_version

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def nspawn(base: Path, script: str) -> str:
    program = base / "usr/bin/systemd-nspawn"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("systemd 239", 239),
        ("systemd 252 (252.39-1~deb12u2)", 252),
        ("systemd 258~rc1 (258~rc1)", 258),
        ("systemd v258 (v258-3-gdeadbee)", 258),
        ("elogind 252", 0),
        ("", 0),
    ],
)
def test_the_version_is_the_number_that_nspawn_prints(
    tmp_path: Path, words: str, version: int
) -> None:
    assert systemd_version(nspawn(tmp_path, f"echo '{words}'")) == version


def test_two_private_libraries_tell_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "usr/lib/systemd"
    folder.mkdir(parents=True)
    (folder / "libsystemd-shared-254.so").touch()
    (folder / "libsystemd-shared-255.so").touch()
    assert systemd_version(nspawn(tmp_path, "echo systemd 257")) == 257


def test_an_nspawn_that_fails_has_no_version(tmp_path: Path) -> None:
    assert systemd_version(nspawn(tmp_path, "exit 3")) == 0


def test_the_installed_one_is_told_without_running_it_or_with(tmp_path: Path) -> None:
    real = "/usr/bin/systemd-nspawn"
    assert systemd_version(real) == systemd_version(nspawn(tmp_path, f"exec {real} --version"))
