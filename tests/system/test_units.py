"""A service that is a pod does what systemd expects of any service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import units_on_host
from tests.support.ending_on_host import check_end_is_recorded
from tests.support.pods_on_host import (
    ETCD,
    FORMS,
    REDIS,
    REDIS_NOTIFY,
    RKTPY,
    SHELL,
    quoted_for_unit,
)

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

STAY = "exec sleep 300"


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 15)]
)
@pytest.mark.parametrize("form", ["shell", "transient"])
def test_whoever_waits_sees_the_exit_status_of_the_app(
    pods: Pods, form: str, script: str, status: int
) -> None:
    pod = FORMS[form](pods, pods.argv(SHELL, script))

    assert pod.wait_end() == status
    assert pod.status()["app-shell"] == str(status)


def test_a_failing_app_fails_its_service(pods: Pods) -> None:
    pod = pods.as_service(pods.argv(SHELL, "exit 7"))

    assert pod.wait_end() == 7
    assert pod.properties("ActiveState", "Result") == {
        "ActiveState": "failed",
        "Result": "exit-code",
    }


def test_a_notify_service_is_active_once_the_server_says_so(pods: Pods) -> None:
    pod = pods.as_service(pods.argv(REDIS_NOTIFY), Type="notify")
    answer = pods.host.run(["redis-cli", "ping"]).stdout

    assert answer == "PONG\n"
    assert pod.properties("ActiveState", "StatusText") == {
        "ActiveState": "active",
        "StatusText": "Container running: Ready.",
    }


def test_a_notify_service_is_active_when_apps_without_a_say_have_started(pods: Pods) -> None:
    pod = pods.as_service(pods.argv(SHELL, STAY), Type="notify")

    assert len(pod.processes("shell")) == 1
    pods.rktpy("status", "--wait-ready=100ms", pod.uuid)


def test_a_restarted_service_is_a_new_pod(pods: Pods) -> None:
    pod = pods.as_service(pods.argv(SHELL, "echo I am here; exec sleep 300")).wait_active()
    (first,) = pod.processes("shell")
    pods.host.run(["systemctl", "restart", pod.unit])
    pods.host.wait_until(
        'rktpy list --full --no-legend | grep -v "^$1" | grep -w running', pod.uuid
    )
    (other,) = pods.states().keys() - {pod.uuid}
    pods.rktpy("status", "--wait-ready=30s", other)
    (second,) = pod.processes("shell")

    assert pods.states() == {pod.uuid: "exited", other: "running"}
    assert pods.machines() == [f"rkt-{other}"]
    assert first != second
    assert pods.rktpy("logs", other).count("I am here") == 1


def test_a_service_that_restarts_on_failure_starts_a_new_pod_each_time(pods: Pods) -> None:
    pod = pods.as_service(
        pods.argv(SHELL, "exit 3"), Restart="on-failure", RestartSec="50ms", StartLimitBurst="3"
    )
    pods.host.wait_until('systemctl is-failed "$1"', pod.unit)
    ended = [pods.rktpy("status", uuid).splitlines() for uuid in pods.states()]
    codes = [line for lines in ended for line in lines if line.startswith("app-shell=")]

    assert codes == ["app-shell=3"] * 3
    assert pod.properties("Result", "ExecMainStatus") == {
        "Result": "exit-code",
        "ExecMainStatus": "3",
    }


def test_two_services_are_two_pods(pods: Pods) -> None:
    redis, etcd = (
        pods.as_service(pods.argv(server.image, options=[f"--volume={server.volume}"]))
        for server in (REDIS, ETCD)
    )
    pods.host.wait_until(REDIS.question)
    pods.host.wait_until(ETCD.question)
    both = pods.machines()
    pods.host.run(["systemctl", "stop", redis.unit])

    assert sorted(both) == sorted([redis.machine, etcd.machine])
    assert pods.machines() == [etcd.machine]
    pods.host.sh(ETCD.question)
    assert pods.states() == {redis.uuid: "exited", etcd.uuid: "running"}


def test_a_prepared_pod_runs_as_a_service(pods: Pods) -> None:
    uuid = pods.rktpy("prepare", SHELL, "--", "echo was prepared; exit 4").strip()
    before = pods.states()
    pod = pods.as_service([RKTPY, "run-prepared", "--net=host", uuid])

    assert before == {uuid: "prepared"}
    assert pod.wait_end() == 4
    assert "was prepared" in pods.rktpy("logs", uuid)
    assert pods.subcgroup(uuid) == f"system.slice/{pod.unit}/payload"


def test_the_limits_of_a_service_are_those_of_its_pod(pods: Pods) -> None:
    pod = pods.as_service(pods.argv(SHELL, STAY), MemoryMax="60M", CPUQuota="50%").wait_active()
    (process,) = pod.processes("shell")
    memberships = pods.host.read(f"/proc/{process}/cgroup")
    memory = pods.host.read(f"/sys/fs/cgroup/memory{pod.group}/memory.limit_in_bytes")
    quota = pods.host.read(f"/sys/fs/cgroup/cpu{pod.group}/cpu.cfs_quota_us")

    assert f":memory:{pod.group}\n" in memberships
    assert f":cpu:{pod.group}\n" in memberships
    assert (int(memory), int(quota)) == (60 << 20, 50_000)


def test_an_app_that_eats_more_than_its_service_may_is_killed(pods: Pods) -> None:
    argv = pods.argv(SHELL, "exec dd if=/dev/zero of=/dev/null bs=200M count=1")

    assert pods.as_transient(argv, MemoryMax="60M", CPUQuota="50%").wait_end() == 9
    assert pods.as_transient(argv).wait_end() == 0


def test_a_unit_with_an_exec_stop_of_ours_lets_its_pod_end_in_order(pods: Pods) -> None:
    """``stop`` does not wait, so systemd's own SIGTERM comes right behind it."""
    file = "/srv/uuid-stopped"
    script = "trap 'sleep 1; echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    pod = pods.as_service(
        pods.argv(SHELL, script, options=[f"--uuid-file-save={file}"]),
        ExecStop=f"{RKTPY} stop --uuid-file={file}",
        ExecStopPost=f"{RKTPY} rm --uuid-file={file}",
    ).wait_active()
    pods.host.wait_until('rktpy logs "$1" | grep -w up', pod.uuid)
    pods.host.run(["systemctl", "stop", pod.unit])

    assert "bye" in pods.journal(f"--unit={pod.unit}")
    assert pod.properties("ActiveState", "Result") == {
        "ActiveState": "inactive",
        "Result": "success",
    }
    assert pods.states() == {}


def test_a_template_runs_a_pod_for_each_instance(pods: Pods) -> None:
    file = "/srv/uuid-%i"
    command = pods.argv(SHELL, "echo I am $NAME; exec sleep 300", options=["--set-env=NAME=%i"])
    words = [command[0], command[1], f"--uuid-file-save={file}", *command[2:]]
    line = quoted_for_unit(words).replace("%%i", "%i")
    pods.unit("pod@.service", {"ExecStart": line})
    pods.host.run(["systemctl", "start", "pod@one.service", "pod@two.service"])
    pods.host.wait_until("test -s /srv/uuid-one && test -s /srv/uuid-two")
    uuids = [pods.host.read(f"/srv/uuid-{name}") for name in ("one", "two")]
    for uuid in uuids:
        pods.rktpy("status", "--wait-ready=30s", uuid)

    assert pods.states() == dict.fromkeys(uuids, "running")
    assert [pods.subcgroup(uuid) for uuid in uuids] == [
        f"system.slice/system-pod.slice/pod@{name}.service/payload" for name in ("one", "two")
    ]
    pods.host.run(["systemctl", "stop", "pod@one.service", "pod@two.service"])
    assert pods.states() == dict.fromkeys(uuids, "exited")


def test_marking_after_the_stop_hands_the_pod_to_the_next_gc(pods: Pods) -> None:
    """The unit style that rkt's documentation recommends."""
    script = "echo kept in the journal; exec sleep 300"
    pod = pods.as_service(pods.argv(SHELL, script), ExecStopPost=f"{RKTPY} gc --mark-only")
    pod.wait_active()
    pods.host.run(["systemctl", "stop", pod.unit])
    merged = pods.journal("--merge", f"_MACHINE_ID={pod.uuid.replace('-', '')}")

    assert "kept in the journal" in merged.splitlines()
    assert pods.states() == {pod.uuid: "exited garbage"}
    assert pod.properties("Result") == {"Result": "success"}


def test_a_unit_s_mark_records_when_its_pod_ended(pods: Pods) -> None:
    check_end_is_recorded(pods)


def test_an_enabled_unit_starts_with_the_target_that_wants_it(pods: Pods) -> None:
    """A real boot is in the other tier."""
    boot = ["systemctl", "start", "multi-user.target"]
    units_on_host.check_an_enabled_unit_starts(pods, lambda: pods.host.run(boot))


def test_the_simple_unit_is_started_again_restarted_and_stopped_in_order(pods: Pods) -> None:
    units_on_host.check_the_simple_unit(pods)


@pytest.mark.parametrize(
    "limits", [units_on_host.OLD_SPELLING, units_on_host.NEW_SPELLING], ids=["old", "new"]
)
def test_the_advanced_unit_works_as_written(pods: Pods, limits: dict[str, str]) -> None:
    units_on_host.check_the_advanced_unit(pods, limits)


def test_an_app_that_does_not_end_is_killed_with_its_service(pods: Pods) -> None:
    units_on_host.check_a_deaf_app_is_killed_in_the_end(pods)


@pytest.mark.usefixtures("gate")
def test_a_pod_waits_for_the_one_that_it_needs(pods: Pods) -> None:
    units_on_host.check_one_pod_waits_for_another(pods)


def test_a_pod_whose_need_fails_is_not_started(pods: Pods) -> None:
    units_on_host.check_a_pod_whose_need_fails_is_not_started(pods)


def test_a_pod_that_is_a_part_is_stopped_and_restarted_with_the_whole(pods: Pods) -> None:
    units_on_host.check_a_part_goes_with_the_whole(pods)
