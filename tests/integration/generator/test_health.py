"""The loops of a health check, in the shell that systemd starts for them."""

from __future__ import annotations

import subprocess

import pytest

from rktpy.generator.file.words import split
from tests.unit.generator.test_pods import DB, lines, made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def shell(
    key: str, unit: str, directory: Path, *, passes_at: int, pod: str = "1", **keys: str
) -> int:
    """Run the shell of a line with a check that passes at its n-th call; return the status."""
    settings = "".join(f"{name}={value}\n" for name, value in keys.items())
    (line,) = lines(made(DB + "HealthCmd=true\nHealthInterval=1s\n" + settings), unit, key)
    words = [word.replace("$$", "$") for word in split(line)]
    check = directory / "check"
    check.write_text(
        f"#!/bin/sh\necho x >>{directory}/tries\n[ $(wc -l <{directory}/tries) -ge {passes_at} ]\n"
    )
    systemctl = directory / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >>{directory}/asked\n')
    check.chmod(0o755)
    systemctl.chmod(0o755)
    argv = [*words[: words.index("/usr/bin/timeout")], str(check)]
    env = {"PATH": f"{directory}:/usr/bin:/bin", "MAINPID": pod}
    return subprocess.run(argv, env=env, check=False, stdout=subprocess.DEVNULL).returncode


def test_the_start_waits_for_the_first_pass(tmp_path: Path) -> None:
    assert shell("ExecStartPost", "web.service", tmp_path, passes_at=2, Notify="healthy") == 0
    assert (tmp_path / "tries").read_text() == "x\nx\n"


def test_the_start_fails_when_the_pod_has_ended(tmp_path: Path) -> None:
    nobody = "4194304"
    keys = {"Notify": "healthy"}
    assert shell("ExecStartPost", "web.service", tmp_path, passes_at=9, pod=nobody, **keys) == 1
    assert (tmp_path / "tries").read_text() == "x\n"


def test_a_check_that_passes_in_time_asks_for_nothing(tmp_path: Path) -> None:
    keys = {"HealthOnFailure": "restart", "HealthRetries": "2"}
    assert shell("ExecStart", "web-health.service", tmp_path, passes_at=2, **keys) == 0
    assert not (tmp_path / "asked").exists()


def test_a_check_that_fails_too_often_has_the_pod_restarted(tmp_path: Path) -> None:
    keys = {"HealthOnFailure": "restart", "HealthRetries": "2"}
    assert shell("ExecStart", "web-health.service", tmp_path, passes_at=9, **keys) == 1
    assert (tmp_path / "tries").read_text() == "x\nx\n"
    assert (tmp_path / "asked").read_text() == "--no-block restart web.service\n"


def test_a_check_that_fails_may_be_only_told(tmp_path: Path) -> None:
    assert shell("ExecStart", "web-health.service", tmp_path, passes_at=9, HealthRetries="1") == 1
    assert not (tmp_path / "asked").exists()
