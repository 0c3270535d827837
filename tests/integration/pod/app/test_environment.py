"""The quoting of the environment file, judged by a reader we did not write."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.pod.app import environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "value",
    ["plain", "it's", 'a"b"c', "x\\ny", "end\\", " lead trail ", "#h", "$X `id` %h", "é\n\n"],
)
def test_a_shell_reads_the_file_for_systemd_without_loss(value: str, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_bytes(environment.systemd_file({"V": value}))

    script = f'. {path}; printf "%s|" "$V"'
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode() == value + "|"
