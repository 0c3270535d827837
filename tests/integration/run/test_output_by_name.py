"""Apps that open their output by name: /dev/stdout, /proc/self/fd/2, links in /var/log to them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL, shell_aci, shell_files
from tests.integration.run.rk import PATIENCE
from tests.support import archive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

_LINES = 10000
_LOGS = {
    "/var/log/web/access.log": archive.symlink("/dev/stdout"),
    "/var/log/web/error.log": archive.symlink("/dev/stderr"),
}
_BOTH = "echo out >>/var/log/web/access.log; echo err >>/var/log/web/error.log; echo plain"


@pytest.fixture
def image(tmp_path: Path) -> str:
    """An image with logs as docker's nginx has them."""
    return str(shell_aci(tmp_path / "web.aci", "example.com/web", files=shell_files() | _LOGS))


def logs(rkt: Rktpy, *words: str) -> Sequence[str]:
    (pod,) = rkt.pods()
    argv = rkt.argv("logs", *words, os.path.basename(pod))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("options", [(), ("--user=1000", "--group=100"), ("--private-users",)])
def test_links_in_var_log_are_the_output(rkt: Rktpy, image: str, options: tuple[str, ...]) -> None:
    pod, app = (options, ()) if options == ("--private-users",) else ((), options)

    done = rkt.run(*pod, image, *app, "--", _BOTH)

    assert (done.status, done.lines("web")) == (0, ["out", "err", "plain"]), done
    assert logs(rkt) == ["out", "err", "plain"]


def test_fast_lines_are_complete_and_in_order(rkt: Rktpy, image: str) -> None:
    script = f"busybox seq {_LINES} >/var/log/web/access.log; echo last >/dev/stderr; kill -9 $$"

    done = rkt.run(image, "--", script)

    assert done.status == 9  # the number of the signal, as rkt has it
    assert logs(rkt) == [*map(str, range(1, _LINES + 1)), "last"]


def test_each_app_has_its_own(rkt: Rktpy, image: str) -> None:
    one, two = "echo one >/dev/stdout", "echo two >/var/log/web/error.log"

    done = rkt.run(image, "--name=a", "--", one, "---", image, "--name=b", "--", two)

    assert (done.lines("a"), done.lines("b")) == (["one"], ["two"]), done
    assert logs(rkt, "--app=b") == ["two"]


def test_a_name_means_the_stream_of_the_process(rkt: Rktpy, image: str) -> None:
    done = rkt.run(image, "--", "echo x >/dev/stdout | busybox sed s/x/piped/; echo y >/dev/fd/2")

    assert done.lines() == ["piped", "y"]


def test_what_is_written_while_the_pod_is_stopped_is_kept(rkt: Rktpy, image: str) -> None:
    script = f"trap 'busybox seq {_LINES}; exit' TERM; echo ready >/dev/stdout; sleep 300 & wait"
    with rkt.start("run", image, "--", script) as pod:
        pod.says("ready")
        rkt.ok("stop", pod.uuid)
        assert pod.end().status == 0

    assert logs(rkt) == ["ready", *map(str, range(1, _LINES + 1))]


def test_an_app_that_is_started_again_goes_on(rkt: Rktpy, image: str) -> None:
    count = "echo x >>/n; echo $(busybox wc -l </n) >/dev/stdout; [ $(busybox wc -l </n) = 3 ]"

    done = rkt.run(image, "--annotation=rktpy/app/restart=on-failure", "--", count)

    assert (done.status, logs(rkt)) == (0, ["1", "2", "3"]), done


def test_the_user_can_ask_for_it(rkt: Rktpy) -> None:
    attach = {"RKT_EXPERIMENT_ATTACH": "true"}

    done = rkt.run(SHELL, "--stderr=stream", "--", "echo x >/proc/self/fd/2", env=attach)

    assert done.lines() == ["x"], done


def test_others_have_no_fifo(rkt: Rktpy) -> None:
    script = "for i in /dev/stdout /dev/fd /proc/$$/fd/2; do readlink $i; done"

    *links, stream = rkt.run(SHELL, "--", script).lines()

    assert links == ["/proc/self/fd/1", "/proc/self/fd"]
    assert stream.startswith("socket:")
