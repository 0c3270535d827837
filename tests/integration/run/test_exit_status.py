"""How a pod ends is how its apps ended."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL, shell_aci

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy


def statuses(rkt: Rktpy) -> dict[str, str]:
    """Return the status per app of the only pod there is."""
    (pod,) = rkt.pods()
    fields = rkt.status(pod.partition("/")[2])
    return {name[4:]: value for name, value in fields.items() if name.startswith("app-")}


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_status_of_the_app_is_the_status_of_run(rkt: Rktpy, code: int) -> None:
    done = rkt.run(INSPECT, "--", f"--exit-code={code}")

    assert done.status == code
    assert statuses(rkt) == {"rkt-inspect": str(code)}


def test_a_caller_that_ignores_its_children_does_not_make_us_forget_ours(
    rkt: Rktpy, images_go: None, tmp_path: Path
) -> None:
    image = shell_aci(tmp_path / "new.aci", "example.com/new")
    words = rkt.argv("run", "--net=none", image, "--", "exit 7")

    done = subprocess.run(["env", "--ignore-signal=CHLD", *words], check=False)

    assert done.returncode == 7


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_an_app_killed_by_a_signal_has_its_number_as_status(
    rkt: Rktpy, number: signal.Signals
) -> None:
    done = rkt.run(SHELL, "--", f"kill -{number.value} $$")

    assert done.status == number.value
    assert statuses(rkt) == {"shell": str(number.value)}


@pytest.mark.parametrize("path", ["/foo-not-there", "/foo-not-there X"])
@pytest.mark.parametrize("args", [(), ("--", "arg1", "arg2")])
def test_a_missing_program_is_status_203_and_named(
    rkt: Rktpy, path: str, args: tuple[str, ...]
) -> None:
    done = rkt.run(INSPECT, f"--exec={path}", *args)

    assert done.status == 203
    assert f'Error: Unable to open "{path}": No such file or directory' in done.lines()
    assert statuses(rkt) == {"rkt-inspect": "203"}


@pytest.mark.parametrize("before", [b"\0", b"!"])  # may be any: a part of a number
def test_a_missing_interpreter_is_named_instead_of_the_program(
    rkt: Rktpy, tmp_path: Path, before: bytes
) -> None:
    program, interpreter = Path("/bin/ls").read_bytes(), re.compile(rb"(?s).(/[^\0]+/ld[^\0]+)")
    found = interpreter.search(program)
    assert found
    (tmp_path / "ls").write_bytes(interpreter.sub(before + rb"\1", program, count=1))
    (tmp_path / "ls").chmod(0o755)
    volume = (f"--volume=bin,kind=host,source={tmp_path}", "--mount=volume=bin,target=/var/bin")

    done = rkt.run(*volume, INSPECT, "--exec=/var/bin/ls")

    assert done.status == 203
    missing = found[1].decode()
    assert f'Error: Unable to open "{missing}": No such file or directory' in done.lines()


def test_a_script_without_its_interpreter_names_that(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--exec=/broken")

    assert done.status == 203
    assert 'Error: Unable to open "/no/such/shell": No such file or directory' in done.lines()


def test_the_first_failure_is_the_status_of_a_pod_of_three(rkt: Rktpy) -> None:
    apps: list[str] = []
    for name, sleep, code in (("a", 1, 0), ("b", 2, 5), ("c", 30, 6)):
        apps += [INSPECT, f"--name={name}", "--", "--silent-sigterm", "--print-msg=HelloWorld"]
        apps += [f"--sleep={sleep}", f"--exit-code={code}", "---"]

    done = rkt.run(*apps)

    assert done.status == 5
    assert done.lines().count("HelloWorld") == 3
    assert statuses(rkt) == {"a": "0", "b": "5", "c": "0"}


def test_an_app_that_dies_by_a_signal_ends_the_others(rkt: Rktpy) -> None:
    other = [SHELL, "--name=other", "--", "exec sleep 300", "---"]
    done = rkt.run(*other, SHELL, "--", "sleep 0.5; kill -KILL $$")

    assert done.status == signal.SIGKILL
    assert statuses(rkt) == {"other": "0", "shell": str(signal.SIGKILL.value)}


def test_what_an_app_says_when_it_is_ended_for_another_does_not_count(rkt: Rktpy) -> None:
    other = "trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done"
    done = rkt.run(SHELL, "--name=other", "--", other, "---", SHELL, "--", "sleep 1; exit 4")

    assert done.status == 4
    assert statuses(rkt) == {"other": "0", "shell": "4"}


def test_a_pod_of_three_that_end_well_ends_with_the_last(rkt: Rktpy) -> None:
    apps: list[str] = []
    for name, sleep in (("a", 0), ("b", 1), ("c", 0)):
        apps += [INSPECT, f"--name={name}", "--", f"--sleep={sleep}", f"--print-msg={name}", "---"]

    done = rkt.run(*apps)

    assert done.status == 0
    assert sorted(done.lines()) == ["a", "b", "c"]
    assert statuses(rkt) == {"a": "0", "b": "0", "c": "0"}
