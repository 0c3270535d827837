"""``--interactive``: pipes, files, sockets and terminals reach the app as the caller has them."""

from __future__ import annotations

import hashlib
import os
import shlex
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host import procfs
from tests.integration.run.images import SHELL
from tests.integration.run.rk import PATIENCE, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Arg, Rktpy

# What terminals, shells and systemd-nspawn would each do something about.
AWKWARD = (
    b"\x00\x01\x03\x04\r\n\n\r\x11\x13\x1a\x1c\x1d\x1d\x1d\x7f\xff\x1b[31m\nno newline at the end"
)


def interactive(rkt: Rktpy, script: str, *options: Arg) -> list[str]:
    return rkt.argv("run", "--net=none", "-i", *options, SHELL, "--", script)


def shell(rkt: Rktpy, line: str, script: str) -> subprocess.CompletedProcess[bytes]:
    """Run ``line`` by bash, with ``$RUN`` the command that runs ``script`` in an app."""
    run = shlex.join(interactive(rkt, script))
    return subprocess.run(
        ["bash", "-c", line.replace("$RUN", run)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("given", [b"", b"x", b"a\nb\n", AWKWARD, AWKWARD * 5000])
def test_what_comes_from_a_pipe_leaves_by_a_pipe_unchanged(rkt: Rktpy, given: bytes) -> None:
    done = subprocess.run(
        interactive(rkt, "cat; echo aside >&2; exit 3"),
        input=given,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 3
    assert done.stdout == given
    assert done.stderr == b"aside\n"


def test_a_hundred_megabytes_go_through(rkt: Rktpy, tmp_path: Path) -> None:
    big = tmp_path / "big"
    block = os.urandom(1 << 20)
    with big.open("wb") as file:
        for number in range(100):
            file.write(number.to_bytes(4, "big") + block)

    done = shell(rkt, f"cat {big} | $RUN | sha256sum; echo ${{PIPESTATUS[@]}}", "cat")

    with big.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert done.stdout.decode() == f"{digest}  -\n0 0 0\n"


@pytest.mark.parametrize(
    ("line", "script", "out"),
    [
        ("$RUN", "cat; echo $?", "0\n"),  # /dev/null
        ("$RUN <&-", "cat; echo $?", "0\n"),
        ("$RUN <{file}", "cat", "one\ntwo\nthree\n"),
        ("(read; $RUN; cat) <{file}", "read line; echo got $line", "got two\nthree\n"),
        ("(echo a; $RUN; echo c) >{new}; cat {new}", "echo b", "a\nb\nc\n"),
        ("echo old >{new}; $RUN >>{new}; cat {new}", "echo new", "old\nnew\n"),
        ("$RUN 2>&1 >/dev/null", "echo out; echo err >&2", "err\n"),
        ("$RUN >&-", "echo out; echo err >&2", ""),
        ("yes | $RUN; echo ${PIPESTATUS[@]}", "read x; echo $x", "y\n141 0\n"),
        ("$RUN | head -n1; echo ${PIPESTATUS[@]}", "yes", "y\n13 0\n"),
    ],
)
def test_redirections_are_those_of_any_program(
    rkt: Rktpy, tmp_path: Path, line: str, script: str, out: str
) -> None:
    file, new = tmp_path / "file", tmp_path / "new"
    file.write_text("one\ntwo\nthree\n")

    done = shell(rkt, line.replace("{file}", str(file)).replace("{new}", str(new)), script)

    assert done.stdout.decode() == out, done


def test_a_socket_is_input_and_output(rkt: Rktpy) -> None:
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        subprocess.Popen(
            interactive(rkt, "read line; echo got $line; exit 4"),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
        ) as process,
    ):
        theirs.close()
        ours.sendall(b"hello\n")
        said = ours.makefile("rb").read()

    assert (process.returncode, said) == (4, b"got hello\n")


def test_the_end_of_input_is_no_hurry(rkt: Rktpy) -> None:
    done = shell(rkt, "printf 1 | $RUN", "cat; sleep 1; echo 2")

    assert done.stdout == b"12\n"


def test_a_missing_program_is_told_beside_the_output(rkt: Rktpy) -> None:
    done = rkt.run("-i", SHELL, "--exec=/no/such")

    assert (done.status, done.out) == (203, "")
    assert 'Error: Unable to open "/no/such": No such file or directory' in done.err


def test_a_prepared_pod_is_given_its_streams_when_it_starts(rkt: Rktpy) -> None:
    uuid = rkt.prepare(SHELL, "--", "cat")

    done = rkt("run-prepared", "--net=none", "--interactive", uuid, given=b"late\n")

    assert (done.status, done.out, done.err) == (0, "late\n", "")


def test_a_pod_with_pipes_counts_stops_and_reports_as_any_other(rkt: Rktpy) -> None:
    script = "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.1; done"
    with rkt.start("run", "--interactive", SHELL, "--", script) as pod:
        uuid = pod.ready()
        pod.says("up")
        until(lambda: _is_alone(pod.process.pid), "end of who handed over")
        entered = rkt.ok("enter", uuid, "echo", "inside")
        rkt.ok("stop", uuid)
        done = pod.end()

    assert entered == "inside\n"
    assert done.out == "up\nbye\n"
    assert rkt.status(uuid)["state"] == "exited"


def _is_alone(supervisor: int) -> bool:
    """Return whether the process has no children but the pod's PID 1."""
    return all(procfs.is_pid1(child) for child in procfs.children(supervisor))


def test_a_pod_killed_before_its_app_runs_leaves_no_process(rkt: Rktpy) -> None:
    words = interactive(rkt, "sleep 300")
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        (helper, *_) = until(lambda: procfs.children(process.pid), "child")
        process.kill()
        assert process.stdout is not None
        # The end of the output is the end of the last one who could write to it.
        assert process.stdout.read() == b""

    assert not os.path.exists(f"/proc/{helper}/exe")
