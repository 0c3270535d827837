"""Apps that open their output by name: /dev/stdout, /proc/self/fd/2, links in /var/log to them."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host import procfs
from tests.integration.run.images import SHELL, shell_aci, shell_files
from tests.integration.run.rk import PATIENCE, until
from tests.support import archive

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.integration.run.rk import Rktpy, Running

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


def helpers(pod: Running, word: bytes) -> list[int]:
    """Return the host's numbers of children of PID 1 with ``word`` in their command lines."""
    below = [pid for first in procfs.children(pod.process.pid) for pid in procfs.children(first)]
    return [pid for pid in below if word in procfs.read(f"/proc/{pid}/cmdline")]


def copiers(pod: Running) -> list[int]:
    """Return the host's numbers of the processes that copy output."""
    return helpers(pod, b"/cat\0")


@pytest.mark.parametrize("pod", [(), ("--private-users",), ("--no-overlay",)])
@pytest.mark.parametrize("app", [(), ("--user=1000", "--group=100"), ("--readonly-rootfs=true",)])
def test_links_in_var_log_are_the_output(
    rkt: Rktpy, image: str, pod: tuple[str, ...], app: tuple[str, ...]
) -> None:
    done = rkt.run(*pod, image, *app, "--", _BOTH)

    assert (done.status, done.lines("web")) == (0, ["out", "err", "plain"]), done
    assert logs(rkt) == ["out", "err", "plain"]


def test_fast_lines_are_complete_and_in_order(rkt: Rktpy, image: str) -> None:
    script = f"busybox seq {_LINES} >/var/log/web/access.log; echo last >/dev/stderr; kill -9 $$"

    done = rkt.run(image, "--", script)

    assert done.status == 9  # the number of the signal, as rkt has it
    assert logs(rkt) == [*map(str, range(1, _LINES + 1)), "last"]


def test_a_megabyte_at_once_arrives_whole(rkt: Rktpy, image: str) -> None:
    line = "x" * 1023
    make = f"busybox yes {line} | busybox dd bs=1M count=1 iflag=fullblock of=/tmp/all"
    once = "busybox dd bs=1M if=/tmp/all of=/dev/stdout"

    done = rkt.run(image, "--", f"({make}; {once}) 2>/dev/null")

    assert (done.status, logs(rkt)) == (0, [line] * 1024)


def test_a_pod_waits_for_what_is_not_copied_yet(rkt: Rktpy, image: str, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    volume = (f"--volume=v,kind=host,source={tmp_path}/shared", "--mount=volume=v,target=/v")
    script = "until test -e /v/go; do sleep 0.01; done; echo last >/dev/stdout"
    with rkt.start("run", *volume, image, "--", script) as pod:
        pod.ready()
        (copier,) = until(lambda: copiers(pod), "copier")
        os.kill(copier, signal.SIGSTOP)
        (tmp_path / "shared" / "go").touch()
        pod.until(lambda: helpers(pod, b"/output/web.end"), "wait for the copier")
        os.kill(copier, signal.SIGCONT)
        done = pod.end()

    assert (done.status, done.lines(), logs(rkt)) == (0, ["last"], ["last"])


def test_a_copier_that_is_killed_comes_back_as_often(rkt: Rktpy, image: str) -> None:
    script = "while :; do echo line >/dev/stdout; sleep 0.01; done"
    with rkt.start("run", image, "--", script) as pod:
        for _ in range(8):  # systemd's own limit is 5
            pod.says("line")
            (copier,) = until(lambda: copiers(pod), "copier")
            os.kill(copier, signal.SIGKILL)
            until(lambda: not procfs.read(f"/proc/{copier}/cmdline"), "end of the copier")  # noqa: B023
        pod.says("line")
        rkt.ok("stop", pod.uuid)
        pod.end()


def test_a_pod_that_is_killed_keeps_what_was_copied_and_leaves_nothing(
    rkt: Rktpy, image: str
) -> None:
    with rkt.start("run", image, "--", "echo first >/dev/stdout; exec sleep 300") as pod:
        pod.says("first")
        pod.process.kill()
        pod.end()
        rkt.ok("status", "--wait", pod.uuid)

    assert logs(rkt) == ["first"]


def test_who_reads_the_output_takes_no_part_of_it_unless_root(rkt: Rktpy, image: str) -> None:
    done = rkt.run(image, "--user=1000", "--", "busybox cat </dev/stdout; echo $? >/dev/stdout")

    assert done.lines()[-1] == "1"
    assert "Permission denied" in done.lines()[0]


def test_a_reader_that_stays_holds_nothing_up(rkt: Rktpy, image: str) -> None:
    script = "exec 4</dev/stdout; (exec sleep 300 >/dev/null 2>&1) & echo x >/dev/stdout"

    done = rkt.run(image, "--", script)

    assert (done.status, done.lines()) == (0, ["x"])


def test_journalctl_counts_the_lines_to_the_unit_of_the_app(rkt: Rktpy, image: str) -> None:
    rkt.run(image, "--", "echo by name >/dev/stderr")

    (journal,) = rkt.data.glob("pods/run/*/overlay/*/upper/var/log/journal/*")
    argv = ["journalctl", "-q", "-D", str(journal), "-o", "cat", "-u", "web", "-t", "web"]
    assert subprocess.run(argv, capture_output=True, check=True).stdout == b"by name\n"


def test_each_app_has_its_own(rkt: Rktpy, image: str) -> None:
    one, two = "echo one >/dev/stdout", "echo two >/var/log/web/error.log"

    done = rkt.run(image, "--name=a", "--", one, "---", image, "--name=b", "--", two)

    assert (done.lines("a"), done.lines("b")) == (["one"], ["two"]), done
    assert logs(rkt, "--app=b") == ["two"]


def test_a_name_means_the_stream_of_the_process(rkt: Rktpy, image: str) -> None:
    done = rkt.run(image, "--", "echo x >/dev/stdout | busybox sed s/x/piped/; echo y >/dev/fd/2")

    assert done.lines() == ["piped", "y"]


def test_what_is_written_while_the_pod_is_stopped_is_kept(rkt: Rktpy, image: str) -> None:
    # By the shell itself: a child that it starts now may be among those that systemd ends as well.
    count = f"i=0; while [ $i -lt {_LINES} ]; do i=$((i+1)); echo $i; done; exit"
    script = f"trap '{count}' TERM; echo ready >/dev/stdout; sleep 300 & wait"
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
