"""Where a pod ends up in the host's unit tree, and that its record says so."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.placement_on_host import check_place, where_it_is
from tests.support.pods_on_host import FORMS, RKTPY, SHELL, Pods, StartedPod

if TYPE_CHECKING:
    from collections.abc import Iterator

STAY = "exec sleep 300"
FACTS = "/run/rktpy/host.json"


def knows_machined(pods: Pods) -> bool:
    """Return whether the facts about the host say that machined registers pods."""
    known: bool = json.loads(pods.host.read(FACTS))["machined"]
    return known


@pytest.mark.parametrize("form", FORMS)
def test_all_who_know_say_the_same_of_where_a_pod_is(pods: Pods, form: str) -> None:
    check_place(FORMS[form](pods, pods.argv(SHELL, STAY)).wait_active())


@pytest.mark.parametrize("kill_mode", ["control-group", "process"])
def test_a_pod_started_by_a_script_of_a_service_gets_a_scope(pods: Pods, kill_mode: str) -> None:
    """Not being the main process, it may not take the service's cgroup for itself."""
    pod = pods.as_service(
        pods.argv(SHELL, STAY), script='echo before; "$@"; echo after', KillMode=kill_mode
    ).wait_active()
    place = where_it_is(pod)
    pods.rktpy("stop", pod.uuid)
    status = pod.wait_end()

    assert place.startswith(r"machine.slice/machine-rkt\x2d")
    assert status == 0
    assert "after" in pods.journal(f"--unit={pod.unit}").splitlines()


def test_a_script_that_execs_rktpy_makes_it_the_service(pods: Pods) -> None:
    pod = pods.as_service(pods.argv(SHELL, STAY), script='exec "$@"').wait_active()

    assert where_it_is(pod) == f"system.slice/{pod.unit}/payload"


def test_stopping_a_service_whose_script_runs_a_pod_ends_the_pod(pods: Pods) -> None:
    """Not in order: once the shell is gone systemd asks nspawn again, and that means at once."""
    pod = pods.as_service(
        pods.argv(SHELL, STAY), script='"$@"; true', KillMode="control-group"
    ).wait_active()
    scope = f"/{where_it_is(pod)}/system.slice/shell.service"
    before = pods.processes(scope)
    pods.host.run(["systemctl", "stop", pod.unit])
    pods.rktpy("status", "--wait=20s", pod.uuid)
    pod.wait_unregistered()

    assert len(before) == 1
    assert pods.processes(scope) == []
    assert pod.status().get("app-shell") in (None, "0", "15"), "nobody says that it never started"


def test_a_pod_fills_the_scope_of_systemd_run(pods: Pods) -> None:
    scope = ["systemd-run", "--scope", "--quiet", "--unit=pod-in-scope", "--slice=machine"]
    name = "/srv/uuid-scope"
    process = pods.host.start(
        [*scope, *pods.argv(SHELL, STAY, options=[f"--uuid-file-save={name}"])]
    )
    pods.host.wait_until('test -s "$1"', name)
    unit = "pod-in-scope.scope"
    pod = StartedPod(pods, pods.host.read(name), unit, f"/machine.slice/{unit}", process)
    pod.wait_active()
    place, record = where_it_is(pod), pods.subcgroup(pod.uuid)
    pods.host.run(["machinectl", "poweroff", pod.machine])
    status = pod.wait_end()

    assert place == record == f"machine.slice/{unit}/payload"
    assert status == 0


def test_a_unit_of_a_user_manager_is_no_place_for_a_pod(pods: Pods) -> None:
    argv = ["systemd-run", "--user", "--quiet", *pods.argv(SHELL, STAY)]
    pods.host.run(argv, env={"XDG_RUNTIME_DIR": "/run/user/0"})
    pods.host.wait_until("machinectl list --no-legend | grep rkt-")
    (machine,) = pods.machines()
    uuid = machine.removeprefix("rkt-")
    unit = pods.host.run(["machinectl", "show", machine, "-p", "Unit", "--value"]).stdout.strip()
    pods.rktpy("stop", uuid)
    pods.rktpy("status", "--wait=20s", uuid)

    assert unit.startswith(r"machine-rkt\x2d")
    assert pods.subcgroup(uuid) == f"machine.slice/{unit}/payload"


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("gc --grace-period=0s", []),
        ("gc", ["exited garbage"]),
        ("gc --mark-only", ["exited garbage"]),
        ("stop --force", ["exited"]),
    ],
)
def test_what_outlives_a_killed_nspawn_is_ended(pods: Pods, command: str, left: list[str]) -> None:
    pod = pods.from_shell(pods.untied(SHELL, STAY)).wait_active()
    assert pod.process is not None
    pod.process.kill(signal.SIGKILL)
    status = pod.wait_end()
    alive = pod.processes("shell")
    pods.rktpy(*command.split(), *([pod.uuid] if command.startswith("stop") else ()))
    pod.wait_unregistered()

    assert status == -signal.SIGKILL
    assert len(alive) == 1
    assert pod.processes("shell") == []
    assert list(pods.states().values()) == left


@pytest.mark.parametrize("form", FORMS)
def test_a_pod_stopped_by_force_leaves_nothing(pods: Pods, form: str) -> None:
    pod = FORMS[form](pods, pods.argv(SHELL, STAY)).wait_active()
    pods.rktpy("stop", "--force", pod.uuid)
    pod.wait_end()
    pod.wait_unregistered()

    assert pods.states() == {pod.uuid: "exited"}


@pytest.fixture
def masked(pods: Pods) -> Iterator[None]:
    """The host without machined, as if an administrator did not want it."""
    pods.host.sh("systemctl mask --quiet --runtime --now systemd-machined")
    yield
    pods.host.sh("systemctl unmask --quiet --runtime systemd-machined")


@pytest.mark.usefixtures("masked")
def test_without_machined_a_pod_runs_unregistered_in_a_scope(pods: Pods) -> None:
    pod = pods.from_shell(pods.argv(SHELL, STAY), registered=False).wait_active()
    (process,) = pod.processes("shell")
    record = pods.subcgroup(pod.uuid)
    pods.rktpy("stop", pod.uuid)
    status = pod.wait_end()

    assert process > 1
    assert record == f"machine.slice/rkt-{pod.uuid}.scope/payload"
    assert status == 0
    assert not knows_machined(pods)


@pytest.mark.usefixtures("masked")
def test_without_machined_a_service_still_holds_its_pod(pods: Pods) -> None:
    pod = pods.as_transient(pods.argv(SHELL, "exit 7"))

    assert pod.wait_end() == 7
    assert pods.subcgroup(pod.uuid) == f"machine.slice/{pod.unit}/payload"


@pytest.mark.usefixtures("masked")
def test_machined_is_used_again_as_soon_as_it_may_be(pods: Pods) -> None:
    pods.run(SHELL, "exit 0")
    before = knows_machined(pods)
    pods.host.sh("systemctl unmask --quiet --runtime systemd-machined")
    pods.from_shell(pods.argv(SHELL, STAY))

    assert (before, knows_machined(pods)) == (False, True)


def test_machined_is_started_if_it_is_not_running(pods: Pods) -> None:
    pods.host.sh("systemctl stop systemd-machined")
    pod = pods.from_shell(pods.argv(SHELL, STAY))

    assert pods.machines() == [pod.machine]


def test_the_facts_about_the_host_are_kept_and_believed(pods: Pods) -> None:
    pods.run(SHELL, "exit 0")
    before = json.loads(pods.host.read(FACTS))
    pods.host.sh('sed -i s/\\"machined\\":true/\\"machined\\":false/ "$1"', FACTS)
    pods.from_shell(pods.argv(SHELL, "exec sleep 1"), registered=False)
    kept = knows_machined(pods)
    pods.host.sh('rm "$1"', FACTS)
    pods.run(SHELL, "exit 0")

    assert (before["machined"], before["manager"], before["systemd"]) == (True, True, 252)
    assert (kept, knows_machined(pods)) == (False, True)


@pytest.mark.parametrize("backend", ["pydbus", "jeepney"])
def test_both_libraries_of_the_bus_talk_to_the_host_s_machined(pods: Pods, backend: str) -> None:
    script = (
        "import select, sys; sys.path.insert(0, '/usr/lib/rktpy')\n"
        "from rktpy.systemd import bus, machined\n"
        "connection = bus.connect(prefer=sys.argv[1])\n"
        "print(type(connection).__module__, machined.usable(connection),\n"
        "      machined.leader(connection, sys.argv[2]))\n"
        "connection.subscribe(machined.MACHINE_REMOVED)\n"
        "print('listening', flush=True)\n"
        "found = []\n"
        "while not found:\n"
        "    select.select([connection], [], [])\n"
        "    found = connection.received()\n"
        "print(found[0].args[0])\n"
        "connection.close()\n"
    )
    pod = pods.from_shell(pods.argv(SHELL, STAY))
    leader = pod.leader()
    asking = pods.host.start(["/usr/bin/python3", "-c", script, backend, pod.machine])
    asking.wait_for_output("listening", timeout=30 * pods.host.slowness)
    pods.rktpy("stop", pod.uuid)
    said = asking.wait(timeout=30 * pods.host.slowness).stdout.split()

    assert said == [
        f"rktpy.systemd.bus_{backend}", "True", str(leader), "listening", pod.machine,
    ]  # fmt: skip


def test_enter_joins_an_app_of_a_pod_that_a_service_holds(pods: Pods) -> None:
    pod = pods.as_service(pods.argv(SHELL, STAY)).wait_active()
    seen = pods.rktpy("enter", pod.uuid, "/bin/sh", "-c", "cat /proc/1/comm; echo $AC_APP_NAME")

    assert seen.splitlines() == ["systemd", "shell"]
    pods.host.run([RKTPY, "enter", pod.uuid, "/bin/sh", "-c", "exit 9"], status=9)
