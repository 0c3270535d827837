"""Pods that are asked to end, or killed; what their apps get to do then."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.integration.run.images import INSPECT, SHELL
from tests.support.leaks import descendants

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

FOREVER = ("--", "--sleep=300")
# Says that it is there, then needs two seconds to end.
SLOW = 'trap "sleep 2; echo bye; exit 7" TERM; echo up; while :; do sleep 0.1; done'


def test_stop_ends_a_pod_well(rkt: Rktpy) -> None:
    with rkt.start("run", INSPECT, *FOREVER) as pod:
        uuid = pod.ready()
        stopped = rkt("stop", uuid)
        done = pod.end()

    assert (stopped.status, stopped.out.strip()) == (0, f'"{uuid}"')
    assert done.status == 0
    assert rkt.status(uuid)["state"] == "exited"
    assert rkt.status(uuid)["app-rkt-inspect"] == "0"


def test_stop_takes_several_pods_and_a_uuid_file(rkt: Rktpy, tmp_path: Path) -> None:
    with rkt.start("run", INSPECT, *FOREVER) as one:
        file = tmp_path / "uuid"
        file.write_text(one.ready())
        by_file = rkt("stop", f"--uuid-file={file}")
        assert (by_file.status, one.end().status) == (0, 0)

    with rkt.start("run", INSPECT, *FOREVER) as one, rkt.start("run", INSPECT, *FOREVER) as two:
        both = rkt("stop", one.ready(), two.ready())
        assert (both.status, one.end().status, two.end().status) == (0, 0, 0)


def test_a_forced_stop_kills(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", 'trap "" TERM; sleep 300') as pod:
        uuid = pod.ready()
        stopped = rkt("stop", "--force", uuid)
        done = pod.end()

    assert stopped.status == 0
    assert done.status == -signal.SIGKILL
    fields = rkt.status(uuid)
    assert fields["state"] == "exited"
    assert not any(name.startswith("app-") for name in fields)


def test_stopping_an_ended_pod_is_fine(rkt: Rktpy) -> None:
    with rkt.start("run", INSPECT, "--", "--exit-code=0") as pod:
        uuid = pod.uuid
        pod.end()

    assert rkt("stop", uuid).status == 0


def test_sigterm_to_the_process_of_run_ends_the_pod_well(rkt: Rktpy) -> None:
    with rkt.start("run", INSPECT, *FOREVER) as pod:
        uuid = pod.ready()
        pod.process.terminate()
        done = pod.end()

    assert done.status == 0
    assert rkt.status(uuid)["app-rkt-inspect"] == "0"


def test_an_app_that_handles_sigterm_gets_its_time(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", SLOW) as pod:
        pod.says("up")
        rkt.ok("stop", pod.uuid)
        done = pod.end()

    assert done.status == 0
    assert done.lines()[-1] == "bye"


def test_an_app_that_never_said_that_it_is_ready_is_stopped_well(rkt: Rktpy) -> None:
    apps = ["example.com/silent", "--", "echo up; exec sleep 300", "---", SHELL, "--", "sleep 300"]
    with rkt.start("run", *apps) as pod:
        pod.says("up")
        uuid = pod.uuid
        rkt.ok("stop", uuid)
        done = pod.end()

    assert done.status == 0
    fields = rkt.status(uuid)
    assert (fields.get("app-silent"), fields.get("app-shell")) == ("0", "0")


def test_asking_again_while_a_pod_ends_takes_nothing_from_its_time(
    rkt: Rktpy, tmp_path: Path
) -> None:
    """Its end waits for us: nobody has to be quick."""
    go = tmp_path / "go"
    os.mkfifo(go)
    volume = (f"--volume=go,kind=host,source={go}", "--mount=volume=go,target=/go")
    slow = SLOW.replace("sleep 2", "read x </go")
    with rkt.start("run", *volume, SHELL, "--", slow) as pod:
        pod.says("up")
        uuid = pod.ready()
        again = [rkt("stop", uuid).status for _ in range(4)]
        still = rkt.status(uuid)["state"]
        pod.process.terminate()  # the first one that nspawn gets
        go.write_text("\n")
        done = pod.end()

    assert (again, still) == ([0] * 4, "running")
    assert done.status == 0
    assert done.lines()[-1] == "bye"
    assert rkt.status(uuid)["app-shell"] == "0"


def test_a_killed_supervisor_leaves_a_pod_that_gc_ends(rkt: Rktpy) -> None:
    others = descendants(os.getpid())  # of fixtures that last a session
    with rkt.start("run", SHELL, "--", 'trap "" TERM; sleep 300') as pod:
        uuid = pod.ready()
        pod.process.kill()
        done = pod.end()
    assert done.status == -signal.SIGKILL
    assert rkt.status(uuid)["state"] == "exited"

    assert rkt.collect().status == 0
    assert rkt.pods() == []
    assert descendants(os.getpid()) <= others
