"""Real services as pods, in the placements a host with systemd offers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.system.pods import (
    RUN,
    cgroup_of,
    collect,
    image,
    machines,
    make_images,
    service_args,
    start,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.container import ContainerHost

PING = {"redis": "redis-cli ping | grep -x PONG",
        "etcd": "etcdctl --endpoints=http://127.0.0.1:2379 endpoint health"}  # fmt: skip
PROGRAM = {"redis": "redis-server", "etcd": "etcd"}


@pytest.fixture(scope="module", autouse=True)
def _images(host: ContainerHost) -> None:
    make_images(host)
    # The stage1 image and the store's rendered trees stay, as they would on any host.
    host.run([*RUN, image("shell"), "--", "exit 0"], timeout=120)
    collect(host)


@pytest.fixture(autouse=True)
def _collected(host: ContainerHost, _leaks: None) -> Iterator[None]:
    yield
    collect(host)


@pytest.fixture(params=["redis", "etcd"])
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 15)]
)
def test_run_exits_with_the_app_s_status(host: ContainerHost, script: str, status: int) -> None:
    host.run([*RUN, image("shell"), "--", script], status=status)


def test_a_pod_from_a_shell_is_a_machine_with_a_scope_of_its_own(
    host: ContainerHost, service: str
) -> None:
    process, uuid = start(host, *service_args(service))
    host.wait_until(PING[service])
    unit = host.sh('machinectl show "rkt-$1" -p Unit --value', uuid).stdout.strip()
    group = cgroup_of(host, PROGRAM[service])
    commands = host.sh("ps -eo args").stdout
    listed = machines(host)
    host.sh('machinectl poweroff "rkt-$1"', uuid)
    process.wait(timeout=30)

    assert listed == [f"rkt-{uuid}"]
    assert unit == f"machine-rkt\\x2d{uuid.replace('-', chr(92) + 'x2d')}.scope"
    assert f"/machine.slice/{unit}/" in group
    assert f"/system.slice/{service}" in group
    assert "systemd-nspawn" in commands
    assert "rktpy" not in commands.replace("rktpy-test", "")


def test_the_journal_of_a_pod_is_readable_by_its_machine_name(host: ContainerHost) -> None:
    process, uuid = start(host, image("shell"), "--", "echo here I am; exec sleep 100")
    host.wait_until('journalctl -q -M "rkt-$1" -o cat | grep -x "here I am"', uuid)
    host.run(["rktpy", "stop", uuid])
    process.wait(timeout=30)


def test_a_service_stops_in_order_without_an_exec_stop(host: ContainerHost, service: str) -> None:
    unit = f"pod-{service}.service"
    command = " ".join([f"/usr/bin/{RUN[0]}", *RUN[1:], *service_args(service)])
    text = f"[Service]\nExecStart={command}\nKillMode=mixed\nDelegate=yes\n"
    host.write(f"/run/systemd/system/{unit}", text)
    host.sh('systemctl daemon-reload; systemctl start "$1"', unit)
    host.wait_until(PING[service])
    group = cgroup_of(host, PROGRAM[service])
    registered = machines(host)
    host.run(["systemctl", "stop", unit])
    result = host.sh('systemctl show "$1" -p Result --value', unit).stdout.strip()
    host.sh('rm "/run/systemd/system/$1"; systemctl daemon-reload; systemctl reset-failed', unit)

    assert f"/system.slice/{unit}/" in group
    assert len(registered) == 1
    assert result == "success"


def test_a_transient_unit_owns_the_pod(host: ContainerHost, service: str) -> None:
    unit = ["--collect", "--slice=machine", "--unit=transient", "-p", "KillMode=mixed"]
    host.run(["systemd-run", "--quiet", *unit, "-p", "Delegate=yes", *RUN, *service_args(service)])
    host.wait_until(PING[service])
    group = cgroup_of(host, PROGRAM[service])
    host.run(["systemctl", "stop", "transient"])

    assert "/machine.slice/transient.service/" in group


def test_list_and_status_agree_about_a_running_pod(host: ContainerHost) -> None:
    process, uuid = start(host, image("shell"), "--", "exec sleep 100")
    row = json.loads(host.run(["rktpy", "list", "--format=json"]).stdout)[0]
    status = host.run(["rktpy", "status", uuid]).stdout
    host.run(["rktpy", "stop", uuid])
    process.wait(timeout=30)

    assert (row["name"], row["state"]) == (uuid, "running")
    assert "state=running" in status
