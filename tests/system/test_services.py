"""Real servers as pods on a systemd host, in the three forms in which a host starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pods_on_host import ETCD, FORMS, REDIS, Pods, Service, StartedPod

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVERS = {service.name: service for service in (REDIS, ETCD)}
ENDS = ("machinectl poweroff", "rktpy stop", "systemctl stop", "SIGTERM")
# A scope has no orderly stop (its processes all get SIGTERM at once), a service needs no kill.
ENDS_OF = {"shell": (*ENDS[:2], "SIGTERM"), "service": ENDS[:3], "transient": ENDS[:3]}


def start(pods: Pods, service: Service, form: str) -> StartedPod:
    """Start ``service`` as ``form``; wait until it answers and all of the pod is up."""
    options = [f"--volume={service.volume}"]
    pod = FORMS[form](pods, pods.argv(service.image, options=options))
    pods.host.wait_until(service.question, timeout=30)
    return pod.wait_active()


def end(pod: StartedPod, way: str) -> None:
    """Ask ``pod`` to end in one of the ``ENDS``."""
    host = pod.pods.host
    if way == "machinectl poweroff":
        host.run(["machinectl", "poweroff", pod.machine])
    elif way == "rktpy stop":
        pod.pods.rktpy("stop", pod.uuid)
    elif way == "systemctl stop":
        host.run(["systemctl", "stop", pod.unit])
    else:
        assert pod.process is not None
        pod.process.kill(15)


@pytest.fixture(scope="class", params=SERVERS)
def service(request: pytest.FixtureRequest) -> Service:
    return SERVERS[request.param]


@pytest.fixture(scope="class", params=FORMS)
def pod(request: pytest.FixtureRequest, stocked: Pods, service: Service) -> Iterator[StartedPod]:
    before = stocked.host.snapshot()
    yield start(stocked, service, request.param)
    stocked.clean()
    assert stocked.host.leaks(before) == []


class TestARunningServer:
    """One pod for each server and form; nothing here changes it."""

    def test_machinectl_lists_it_by_its_uuid(self, pod: StartedPod) -> None:
        row = pod.pods.host.run(["machinectl", "list", "--no-legend", "--no-pager"]).stdout.split()

        assert row[:3] == [pod.machine, "container", "rkt"]

    def test_machined_knows_its_unit_and_first_process(self, pod: StartedPod) -> None:
        argv = ["machinectl", "show", pod.machine, "-p", "Unit", "--value"]
        unit = pod.pods.host.run(argv).stdout.strip()
        command = pod.pods.host.read(f"/proc/{pod.leader()}/cmdline").split("\0")

        assert unit == pod.unit
        assert command[0] == "/usr/lib/systemd/systemd"

    def test_systemctl_status_shows_its_unit_and_the_server(
        self, pod: StartedPod, service: Service
    ) -> None:
        text = pod.pods.host.run(["systemctl", "status", "--full", "--no-pager", pod.unit]).stdout

        assert "Active: active (running)" in text
        assert f"{service.app}.service" in text
        assert ("Main PID:" in text) == pod.unit.endswith(".service")
        assert f"/usr/bin/{service.program}" in text

    def test_the_journal_of_the_machine_has_the_server_s_lines(
        self, pod: StartedPod, service: Service
    ) -> None:
        pod.pods.host.wait_until(
            'journalctl -q -M "$1" -t "$2" -o cat | grep -q "$3"',
            pod.machine,
            service.app,
            service.greeting,
        )

    def test_ps_shows_nspawn_and_nothing_of_ours(self, pod: StartedPod) -> None:
        lines = pod.pods.host.run(["ps", "-e", "-o", "comm=,args="]).stdout.splitlines()
        names = [line.split()[0] for line in lines if "/rktpy-test/agent.py" not in line]

        assert names.count("systemd-nspawn") == 1
        assert [name for name in names if name.startswith(("python", "rktpy"))] == []

    def test_the_server_is_in_a_cgroup_of_its_own(self, pod: StartedPod, service: Service) -> None:
        (process,) = pod.processes(service.app)
        memberships = pod.pods.host.read(f"/proc/{process}/cgroup")
        place = f"{pod.group}/payload/system.slice/{service.app}.service"

        assert f":name=systemd:{place}\n" in memberships
        assert f"0::{place}\n" in memberships

    def test_systemd_cgls_shows_the_server_below_its_own_name(
        self, pod: StartedPod, service: Service
    ) -> None:
        argv = ["systemd-cgls", "--no-pager", "--full", "--xattr=no", f"--unit={pod.unit}"]
        lines = pod.pods.host.run(argv).stdout.splitlines()
        (place,) = (n for n, line in enumerate(lines) if f"─{service.app}.service" in line)

        assert f"/usr/bin/{service.program}" in lines[place + 1]

    def test_the_pod_s_record_says_where_it_is(self, pod: StartedPod) -> None:
        assert pod.pods.subcgroup(pod.uuid) == f"{pod.group[1:]}/payload"

    def test_list_and_status_say_that_it_runs(self, pod: StartedPod) -> None:
        assert pod.pods.states() == {pod.uuid: "running"}
        assert pod.status()["state"] == "running"


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("form", "way"), [(form, way) for form in FORMS for way in ENDS_OF[form]])
def test_a_server_ends_in_order_and_its_last_words_are_kept(
    pods: Pods, server: str, form: str, way: str
) -> None:
    service = SERVERS[server]
    pod = start(pods, service, form)
    end(pod, way)
    status = pod.wait_end()
    answer = pod.status()
    machine_id = pod.uuid.replace("-", "")
    last_words = {
        "logs": pods.rktpy("logs", pod.uuid),
        "merged": pods.journal("--merge", f"_MACHINE_ID={machine_id}"),
        "directory": pods.journal("-D/var/log/journal", f"SYSLOG_IDENTIFIER={service.app}"),
    }

    assert status == 0
    assert (answer["state"], answer[f"app-{service.app}"]) == ("exited", "0")
    assert [name for name, text in last_words.items() if service.farewell not in text] == []
    assert pods.machines() == []
    if form == "service":
        assert pod.properties("ActiveState", "Result") == {
            "ActiveState": "inactive",
            "Result": "success",
        }
