"""systemd's own judgement of what the generator writes."""

from __future__ import annotations

import os
import subprocess

import pytest

from rktpy.generator.file.words import _SPECIFIERS
from tests.unit.generator.test_pods import DB, WEB, made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def verify(directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, directory.iterdir()))],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{directory}:"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    generated = made(
        WEB.replace("User=%i\n", "").replace("www.service", "www2.service"),
        ("db.pod", DB),
        ("broken.pod", "[App]\nImage=a % \u00e4 \x01\n"),
        ("many@.pod", DB + "HealthCmd=true\nUser=%i\n"),
    )
    for name, text in generated.units:
        (tmp_path / name).write_text(text)

    done = verify(tmp_path)

    assert done.stderr == ""
    assert done.returncode == 0


def test_every_specifier_that_we_pass_is_one(tmp_path: Path) -> None:
    newer = "D"  # than 252
    of_host = "m"  # not every host has a machine ID
    for letter in sorted(_SPECIFIERS - set(newer + of_host)):
        text = DB + f"User=%{letter}\n[Service]\nEnvironment=A=%{letter}\n"
        for _, unit in made(text, name="db.pod").units:
            (tmp_path / f"{letter}.service").write_text(unit)

    assert verify(tmp_path).stderr == ""


def test_systemd_would_tell(tmp_path: Path) -> None:
    for name, text in made(DB, name="db.pod").units:
        (tmp_path / name).write_text(text + "Frob=1\n")

    assert "Frob" in verify(tmp_path).stderr
