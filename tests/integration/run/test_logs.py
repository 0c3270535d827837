"""``rktpy logs``: what apps wrote, while they run and afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host import procfs
from rktpy.layout import Layout
from rktpy.pod.lifecycle import open_pod
from rktpy.systemd.journal import Query, read_all
from rktpy.verbs.report.logs import Journal
from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.rk import PATIENCE, until

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

STAY = "; sleep 300"


def logs(rkt: Rktpy, *words: str) -> bytes:
    done = subprocess.run(
        rkt.argv("logs", *words), capture_output=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def ended(rkt: Rktpy, script: str) -> str:
    """Run an app to its end; return the UUID of its pod."""
    rkt.run(SHELL, "--", script)
    (pod,) = rkt.pods()
    return os.path.basename(pod)


def following(rkt: Rktpy, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(rkt.argv("logs", "-f", *words), stdout=subprocess.PIPE, bufsize=0)


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("echo one; echo two >&2", b"one\ntwo\n"),
        (r"printf 'a\nlast without end'", b"a\nlast without end\n"),
        (r"printf '\033[1;31mred\033[0m\n'", b"\x1b[1;31mred\x1b[0m\n"),
        (r"printf 'caf\351 \377\376\n'", b"caf\xe9 \xff\xfe\n"),
        (r"printf 'one\0two\0'", b"one\0two\0"),
        ("echo '  leading'", b"  leading\n"),
        ("head -c 200000 /dev/zero | tr '\\0' x; echo", b"x" * 200000 + b"\n"),
    ],
)
def test_lines_are_as_the_app_wrote_them(rkt: Rktpy, script: str, text: bytes) -> None:
    script = script.replace("head", "busybox head").replace("tr ", "busybox tr ")

    assert logs(rkt, ended(rkt, script)) == text


def test_thousands_of_lines_in_several_files_are_all_there_in_order(rkt: Rktpy) -> None:
    count = 12000
    script = f"i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo line $i of a pod; done"
    uuid = ended(rkt, script)

    journals = list(rkt.data.glob("pods/run/*/overlay/*/upper/var/log/journal/*/*.journal"))
    assert len(journals) > 1  # it has been rotated
    assert logs(rkt, uuid).decode().splitlines() == [
        f"line {number} of a pod" for number in range(1, count + 1)
    ]
    assert logs(rkt, "-n2", uuid).decode() == f"line {count - 1} of a pod\nline {count} of a pod\n"


def test_one_app_can_be_asked_for(rkt: Rktpy) -> None:
    rkt.run(
        *(INSPECT, "--name=one", "--", "--print-msg=first", "---"),
        *(INSPECT, "--name=two", "--", "--print-msg=second", "---"),
    )
    (pod,) = rkt.pods()
    uuid = os.path.basename(pod)

    assert sorted(logs(rkt, uuid).splitlines()) == [b"one: first", b"two: second"]
    assert logs(rkt, "--app=two", uuid) == b"second\n"
    refused = rkt("logs", "--app=three", uuid)
    assert (refused.status, refused.out) == (254, "")
    assert 'app "three" is not present' in refused.err
    assert "its apps are: one, two" in refused.err


def test_what_kept_an_app_from_starting_is_in_its_logs(rkt: Rktpy) -> None:
    rkt.run(SHELL, "--exec=/no/such")
    (pod,) = rkt.pods()

    assert b'Unable to open "/no/such"' in logs(rkt, os.path.basename(pod))


def test_times_are_those_of_journalctl(rkt: Rktpy) -> None:
    uuid = ended(rkt, "echo now")

    for since in ("-5m", "5 minutes ago", "2026-01-01 10:00", "yesterday", "@1"):
        assert logs(rkt, f"--since={since}", uuid) == b"now\n", since
    assert logs(rkt, "--since=2099-01-01", uuid) == b""
    refused = rkt("logs", "--since=sometime", uuid)
    assert (refused.status, refused.out) == (254, "")
    assert refused.err == "logs: Failed to parse timestamp: sometime\n"


def test_lines_may_have_their_time_in_front_or_be_objects(rkt: Rktpy) -> None:
    uuid = ended(rkt, "echo text")

    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{6}Z text\n", logs(rkt, "-t", uuid))
    found = json.loads(logs(rkt, "--format=json", uuid))
    assert (found["app"], found["text"]) == ("shell", "text")


def test_following_ends_with_the_pod_and_loses_nothing(rkt: Rktpy) -> None:
    script = (
        "busybox mkfifo /go; echo early; read x </go; "
        "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo line $i; done"
    )
    with rkt.start("run", SHELL, "--", script) as pod:
        uuid = pod.ready()
        with following(rkt, uuid) as follower:
            assert follower.stdout is not None
            early = follower.stdout.read(6)
            rkt.ok("enter", uuid, "sh", "-c", "echo >/go")
            rest = follower.stdout.read()
            status = follower.wait(timeout=PATIENCE)

    assert (status, early) == (0, b"early\n")
    assert rest.decode().splitlines() == [f"line {number}" for number in range(1, 1001)]


def test_following_begins_before_the_app_does(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "echo up" + STAY) as pod, following(rkt, pod.uuid) as logs:
        assert logs.stdout is not None
        assert logs.stdout.read(3) == b"up\n"
        rkt.ok("stop", "--force", pod.uuid)
        assert logs.wait(timeout=PATIENCE) == 0


def test_following_ends_quietly_when_nobody_reads(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "echo up" + STAY) as pod:
        uuid = pod.ready()
        with following(rkt, uuid) as follower:
            assert follower.stdout is not None
            follower.stdout.read(3)
            follower.stdout.close()
            status = follower.wait(timeout=PATIENCE)

    assert status == -signal.SIGPIPE


def test_following_an_ended_pod_prints_it(rkt: Rktpy) -> None:
    assert logs(rkt, "--follow", ended(rkt, "echo all of it")) == b"all of it\n"


def test_a_pod_that_was_never_started_has_no_logs(rkt: Rktpy) -> None:
    done = rkt("logs", "-f", rkt.prepare(SHELL))

    assert (done.status, done.out) == (254, "")
    assert "has no journal" in done.err


def test_a_killed_follower_leaves_no_process(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "echo up" + STAY) as pod:
        uuid = pod.ready()
        with following(rkt, uuid) as follower:
            assert follower.stdout is not None
            follower.stdout.read(3)
            (journalctl,) = procfs.children(follower.pid)
            follower.kill()
        until(lambda: not procfs.read(f"/proc/{journalctl}/cmdline"), "end of journalctl")


def test_a_follower_that_loses_journalctl_says_so(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "echo up" + STAY) as pod:
        uuid = pod.ready()
        command = rkt.argv("logs", "--follow", uuid)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as follower:
            assert follower.stdout is not None
            follower.stdout.read(3)
            (journalctl,) = procfs.children(follower.pid)
            os.kill(journalctl, signal.SIGKILL)
            out, err = follower.communicate(timeout=PATIENCE)

    assert (follower.returncode, out) == (254, b"")
    assert err == b"logs: journalctl has ended, but the pod has not\n"


def test_the_journal_of_a_pod_that_gc_marks_meanwhile_is_read(rkt: Rktpy) -> None:
    pod = open_pod(Layout(str(rkt.data)), ended(rkt, "echo here"))
    rkt.ok("gc", "--mark-only")
    with Journal(pod, wait=False) as journal:
        (there,) = rkt.data.glob("pods/exited-garbage/*")
        os.rename(there, rkt.data / "pods/run" / there.name)
        found = [
            entry[b"MESSAGE"] for entries in read_all(Query(journal.path)) for entry in entries
        ]

    assert b"here" in found
