"""The launcher works from anywhere, under any name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.cli import launcher
from tests.integration.run.images import shell_aci
from tests.unit.cli.desk import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration


def run(program: str, *words: str, cwd: str = "/") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words], capture_output=True, text=True, check=False, cwd=cwd, timeout=60
    )


@pytest.fixture
def launched(tmp_path: object) -> str:
    path = f"{tmp_path}/rktpy"
    script = launcher.render(launcher.interpreter(), launcher.import_paths())
    launcher.install(path, script)
    return path


def test_it_works_from_any_directory(launched: str) -> None:
    result = run(launched, "version", cwd="/proc")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("rkt Version: ")


def test_it_answers_to_rkt_through_a_link(launched: str, tmp_path: object) -> None:
    os.symlink(launched, f"{tmp_path}/rkt")

    assert run(f"{tmp_path}/rkt").stderr == "rkt: missing command\n"
    assert run(launched).stderr == "rktpy: missing command\n"


def test_it_finds_click(launched: str) -> None:
    assert run(launched, "completion", "bash").returncode == 0


def test_the_environment_cannot_change_what_it_imports(launched: str, tmp_path: object) -> None:
    with open(f"{tmp_path}/os.py", "w", encoding="utf-8") as trap:
        trap.write("raise SystemExit(9)")
    env = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path)}

    result = subprocess.run([launched, "version"], env=env, check=False, capture_output=True)

    assert result.returncode == 0


def test_its_exit_status_is_ours(launched: str) -> None:
    assert run(launched, "trust").returncode == 254


def test_an_interpreter_the_kernel_cannot_take_is_called_by_a_shell(tmp_path: object) -> None:
    folder = f"{tmp_path}/a folder with 'quotes'"
    os.mkdir(folder)
    os.symlink(launcher.interpreter(), f"{folder}/python")
    script = launcher.render(f"{folder}/python", launcher.import_paths())
    launcher.install(f"{folder}/rktpy", script)

    result = run(f"{folder}/rktpy", "version")

    assert (result.returncode, result.stderr) == (0, "")


def test_the_command_line_writes_it(tmp_path: object) -> None:
    dest = f"{tmp_path}/rktpy"

    made = subprocess.run(
        [sys.executable, "-m", "rktpy.cli.launcher", dest, "--path", CHECKOUT, "--no-compile"],
        cwd=CHECKOUT,
        check=False,
        timeout=60,
    )

    assert made.returncode == 0
    with open(dest, encoding="utf-8") as script:
        assert f"sys.path[:0] = ['{CHECKOUT}']" in script.read()
    assert run(dest, "version").returncode == 0


@pytest.mark.parametrize("shell", [s for s in ("bash", "zsh", "fish") if shutil.which(s)])
def test_a_shell_accepts_its_completion_script(launched: str, shell: str) -> None:
    script = run(launched, "completion", shell).stdout

    result = subprocess.run(
        [shell, "-n"], input=script, capture_output=True, text=True, check=False, timeout=60
    )

    assert (result.returncode, result.stderr) == (0, "")


def test_bash_completes_a_live_pod(launched: str, tmp_path: object) -> None:
    uuid = "0f746094-3438-42bc-ab37-3cf85f132e60"
    os.makedirs(f"{tmp_path}/pods/run/{uuid}")
    line = f"rktpy --dir={tmp_path} stop 0f"
    script = (
        f'source <("{launched}" completion bash)\n'
        f"COMP_WORDS=(rktpy --dir = {tmp_path} stop 0f) COMP_CWORD=5 COMP_LINE={line!r}\n"
        f'_rktpy_completion "{launched}" 0f stop\n'
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )

    result = run("bash", "-c", script)

    assert result.stdout.split() == [uuid]


def test_as_a_module_it_is_the_same(tmp_path: Path) -> None:
    image = shell_aci(tmp_path / "new.aci", "example.com/new")
    us = [sys.executable, "-m", "rktpy", f"--dir={tmp_path}/data", "--insecure-options=image"]

    done = run("env", "--ignore-signal=CHLD", *us, "fetch", str(image), cwd=CHECKOUT)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug_of_ours(launched: str, tmp_path: object, closed: str) -> None:
    script = f'"$0" --dir={tmp_path}/data list {closed}; echo status $?'

    done = subprocess.run(
        ["bash", "-c", script, launched], capture_output=True, text=True, check=False, timeout=60
    )

    told = "list: cannot write to standard output: bad file descriptor\n"
    out_is_closed, err_is_closed = ">&-" in closed.replace("2>&-", ""), "2>&-" in closed
    assert done.stdout.splitlines()[-1] == f"status {254 if out_is_closed else 0}"
    assert done.stderr == (told if out_is_closed and not err_is_closed else "")
