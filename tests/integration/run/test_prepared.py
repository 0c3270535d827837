"""Pods that are prepared first and run later; waiting for pods; their UUIDs in files."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host import procfs
from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.killing import record
from tests.integration.run.rk import PATIENCE, Done, until

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_a_prepared_pod_runs_with_the_options_of_prepare(rkt: Rktpy) -> None:
    uuid = rkt.prepare("--set-env=A=1", SHELL, "--name=app", "--", "echo $A $AC_APP_NAME; exit 6")

    assert UUID.fullmatch(uuid)
    assert rkt.status(uuid)["state"] == "prepared"

    done = rkt("run-prepared", "--net=none", uuid)

    assert (done.status, done.lines("app")) == (6, ["1 app"])
    assert rkt.status(uuid)["app-app"] == "6"


def test_quiet_and_prefix(rkt: Rktpy) -> None:
    uuid = rkt.prepare("--quiet", INSPECT, "--", "--print-hostname")

    done = rkt("run-prepared", "--net=none", "--hostname=test-hostname", uuid[:8])

    assert (done.status, done.lines()) == (0, ["Hostname: test-hostname"])


@pytest.mark.parametrize("option", [(), ("--no-overlay",)])
def test_a_prepared_pod_needs_its_images_no_more(
    rkt: Rktpy, image_files: dict[str, Path], option: tuple[str, ...]
) -> None:
    uuid = rkt.prepare(*option, INSPECT, "--", "--print-msg=still here")
    try:
        assert rkt("image", "rm", INSPECT).status == 0
        done = rkt("run-prepared", "--net=none", uuid)
    finally:
        rkt.ok("fetch", image_files["inspect"])

    assert (done.status, done.lines()) == (0, ["still here"])


def test_only_one_of_two_that_run_a_pod_at_once_gets_it(rkt: Rktpy) -> None:
    uuid = rkt.prepare(INSPECT, "--", "--print-msg=once", "--sleep=1")

    with (
        rkt.start("run-prepared", "--net=none", uuid) as one,
        rkt.start("run-prepared", "--net=none", uuid) as two,
    ):
        ends = sorted((one.end(), two.end()), key=lambda done: done.status)

    assert [done.status for done in ends] == [0, 254]
    assert ends[0].lines() == ["once"]
    assert ends[1].err.count("\n") == 1
    assert uuid in ends[1].err


def test_who_comes_second_does_not_wait_for_the_first(rkt: Rktpy) -> None:
    uuid = rkt.prepare(INSPECT)
    pod = os.open(rkt.data / "pods/prepared" / uuid, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(pod, fcntl.LOCK_EX)
    try:
        done = rkt("run-prepared", "--net=none", uuid)
    finally:
        os.close(pod)

    assert done.status == 254
    assert f'pod "{uuid}" is in use by another process' in done.err


def test_a_pod_that_is_taken_in_the_middle_is_not_prepared(rkt: Rktpy, tmp_path: Path) -> None:
    argv = rkt.argv("run-prepared", "--net=none", rkt.prepare(INSPECT))
    moments = record(argv, tmp_path / "trace")
    noted = next(n for n, moment in enumerate(moments) if "/command" in moment.text)
    lock = next(m for m in reversed(moments[:noted]) if m.call == "flock")
    uuid = rkt.prepare(INSPECT)
    pod = rkt.data / "pods/prepared" / uuid
    stop = ("--trace=flock", f"--inject=flock:signal=STOP:when={lock.number}")
    argv = ["strace", "--quiet=all", "-o", str(tmp_path / "trace"), *stop, "--", *argv[:-1], uuid]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as traced:
        until(lambda: traced.poll() is not None or held(pod), "its lock")
        pod.rename(rkt.data / "pods/garbage" / uuid)  # as gc expires it, without the lock
        until(lambda: goes_on(traced), "end of run-prepared")
        _, err = traced.communicate(timeout=PATIENCE)

    assert traced.returncode == 254
    assert err == f'run-prepared: pod "{uuid}" is not prepared (see: rktpy status {uuid})\n'


def goes_on(traced: subprocess.Popen[str]) -> bool:
    """Let what strace runs go on, whenever it stops; return whether it has ended."""
    for child in procfs.children(traced.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)
    return traced.poll() is not None


def held(pod: Path) -> bool:
    """Return whether somebody holds the directory, see "/proc/locks" in proc(5)."""
    inode = f":{pod.stat().st_ino} "
    return any(inode in line for line in Path("/proc/locks").read_text().splitlines())


def test_a_pod_runs_only_once(rkt: Rktpy) -> None:
    uuid = rkt.prepare(INSPECT)
    assert rkt("run-prepared", "--net=none", uuid).status == 0

    done = rkt("run-prepared", "--net=none", uuid)

    assert done.status == 254
    assert uuid in done.err


def test_the_uuid_is_saved_without_a_newline(rkt: Rktpy, tmp_path: Path) -> None:
    file = tmp_path / "uuid"

    rkt.run(f"--uuid-file-save={file}", INSPECT)

    assert UUID.fullmatch(file.read_text())
    assert file.stat().st_mode & 0o7777 == 0o644
    assert rkt("status", f"--uuid-file={file}").fields()["state"] == "exited"


def test_status_waits_until_a_pod_is_ready_and_until_it_has_ended(rkt: Rktpy) -> None:
    with rkt.start("run", "--interactive", SHELL, "--", "read x; exit 3", stdin=True) as pod:
        ready = rkt("status", "--wait-ready", pod.uuid)
        argv = rkt.argv("status", "--wait", pod.uuid)
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as waiter:
            pod.type(b"\n")
            out, _ = waiter.communicate(timeout=PATIENCE)

    assert ready.fields()["state"] == "running"
    fields = Done(waiter.returncode, out, "").fields()
    assert (fields["state"], fields["exited"], fields["app-shell"]) == ("exited", "true", "3")


def test_waiting_has_a_limit(rkt: Rktpy) -> None:
    with rkt.start("run", INSPECT, "--", "--sleep=300") as pod:
        done = rkt("status", "--wait=200ms", pod.ready())

    assert done.status == 254
    assert "deadline exceeded" in done.err


def test_waiting_for_a_pod_that_ended_before_it_was_ready_ends(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--exec=/none") as pod:
        uuid = pod.uuid
        pod.end()

    assert rkt("status", "--wait-ready", uuid).status == 254
    assert rkt("status", "--wait", uuid).status == 0


@pytest.mark.parametrize("verb", ["run", "prepare"])
def test_without_overlay_the_pod_has_copies_of_its_own(
    rkt: Rktpy, verb: str, tmp_path: Path
) -> None:
    script = "echo changed >/bin/new; exit 4"
    if verb == "run":
        done = rkt.run("--no-overlay", SHELL, "--", script)
    else:
        uuid = rkt.prepare("--no-overlay", SHELL, "--", script)
        done = rkt("run-prepared", "--net=none", uuid)

    assert done.status == 4
    (pod,) = rkt.pods()
    root = rkt.data / "pods" / pod
    assert (root / "stage1/rootfs/opt/stage2/shell/rootfs/bin/new").read_text() == "changed\n"
    assert not (root / "overlay").exists()
    assert rkt.status(root.name)["app-shell"] == "4"
    assert rkt.run(SHELL, "--", "test ! -e /bin/new").status == 0  # the store's copy is as it was


def test_list_shows_pods_in_all_their_states(rkt: Rktpy) -> None:
    prepared = rkt.prepare(INSPECT)
    rkt.run(INSPECT)
    with rkt.start("run", INSPECT, "--", "--sleep=300") as pod:
        running = pod.ready()
        lines = rkt.ok("list", "--full", "--no-legend").splitlines()

    states = {line.split("\t")[0]: line for line in lines}
    assert len(states) == 3
    assert "\tprepared\t" in states[prepared]
    assert "\trunning\t" in states[running]
    assert sum("\texited\t" in line for line in lines) == 1
