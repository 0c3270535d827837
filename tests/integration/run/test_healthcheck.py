"""``healthcheck``: the command that an image names, in the app; and commands that must not stay."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL
from tests.integration.run.rk import PATIENCE, until

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

WELL = {"Test": ["CMD-SHELL", 'test "$(id -u)" = 1000 && test -e /tmp/well'], "Retries": 3}


def annotation(check: object) -> str:
    return f"--annotation=rktpy/docker/health-check={json.dumps(check)}"


def test_the_check_of_the_image_tells_how_the_app_is(rkt: Rktpy) -> None:
    args = (SHELL, "--user=1000", annotation(WELL), "--", "sleep 300")
    with rkt.start("run", *args) as pod:
        uuid = pod.ready()
        before = rkt("healthcheck", uuid)
        rkt.ok("enter", uuid, "/bin/touch", "/tmp/well")
        after = rkt("healthcheck", uuid)

    assert (before.status, after.status) == (1, 0)


@pytest.mark.parametrize("check", [{"Test": ["NONE"]}, {}, {"Test": "true"}, 7])
def test_an_image_without_a_check_is_told(rkt: Rktpy, check: object) -> None:
    with rkt.start("run", SHELL, annotation(check), "--", "sleep 300") as pod:
        done = rkt("healthcheck", pod.ready())

    assert done.status == 254
    assert 'the image of app "shell" has no health check' in done.err


@pytest.mark.parametrize("as_app", [[], ["--as-app"]])
def test_a_command_that_was_entered_dies_with_enter(rkt: Rktpy, as_app: list[str]) -> None:
    with rkt.start("run", SHELL, "--user=1000", "--", "sleep 300") as pod:
        words = [*as_app, pod.ready(), "/bin/sh", "-c", "trap '' TERM; echo up; exec sleep 4217"]
        with subprocess.Popen(rkt.argv("enter", *words), stdout=subprocess.PIPE) as enter:
            assert enter.stdout is not None
            assert enter.stdout.readline()
            until(lambda: running("sleep 4217"), "the command")
            enter.send_signal(signal.SIGKILL)
            until(lambda: not running("sleep 4217") or None, "its end")


def test_a_check_that_hangs_is_gone_with_its_children(rkt: Rktpy) -> None:
    """As the units of health checks call it: timeout(1) ends the whole process group."""
    with rkt.start("run", SHELL, "--user=1000", "--", "sleep 300") as pod:
        words = [pod.ready(), "/bin/sh", "-c", "trap '' TERM; sleep 4218; sleep 4218"]
        argv = ["timeout", "-k", "1", "1", *rkt.argv("enter", "--as-app", *words)]
        done = subprocess.run(argv, timeout=PATIENCE, check=False)

        assert done.returncode != 0
        until(lambda: not running("sleep 4218") or None, "the end of all of it")


def running(text: str) -> list[int]:
    """Return the processes of the shell and of what it starts whose command line has ``text``."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        line = b" ".join(words).decode(errors="replace")
        if text in line and words[0] in (b"/bin/sh", b"sleep"):
            found.append(int(entry.name))
    return found
