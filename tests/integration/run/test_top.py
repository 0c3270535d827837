"""``top`` on the cgroups this host has."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from typing import TYPE_CHECKING, Any, Self

from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.rk import until

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

CLEAR = b"\x1b[H\x1b[2J"
BUSY = "while :; do :; done"
TWO = ("--pod-name=two", SHELL, "--name=busy", "--memory=64M", "--", BUSY, "---",
       SHELL, "--name=idle", "--memory=64M", "--", "exec sleep 300")  # fmt: skip


def figures(rkt: Rktpy, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(rkt.ok("top", "--format=json", *args))
    return found


def test_pods_and_apps_are_told_apart(rkt: Rktpy) -> None:
    with rkt.start("run", *TWO) as pod, rkt.start("run", SHELL, "--", "exec sleep 300") as other:
        uuid = pod.ready()
        uuids = {uuid, other.ready()}
        everything = figures(rkt)
        (two,) = figures(rkt, "--interval=300ms", "two")

    assert {row["name"] for row in everything} == uuids
    assert (two["name"], two["pod_name"]) == (uuid, "two")
    busy, idle = two["apps"]
    assert (busy["name"], idle["name"]) == ("busy", "idle")
    assert busy["cpu_percent"] > 5 > idle["cpu_percent"]
    assert two["cpu_time_ns"] >= busy["cpu_time_ns"] > idle["cpu_time_ns"]
    assert (busy["memory_limit"], busy["pids"], idle["pids"]) == (64_000_000, 1, 1)
    assert 0 < busy["memory"] < two["memory"]
    assert two["pids"] >= 5  # nspawn, systemd, journald, and the two


def test_the_table_has_a_line_for_the_pod_and_one_for_each_app(rkt: Rktpy) -> None:
    with rkt.start("run", "--pod-name=web", SHELL, "--", "exec sleep 300") as pod:
        uuid = pod.ready()
        header, whole, app = rkt.ok("top", "--interval=0").splitlines()
        full = rkt.ok("stats", "--interval=0", "--full", "--no-legend", "web")

    assert re.split(r"\t+", header)[:4] == ["POD", "APP", "CPU %", "CPU TIME"]
    assert re.match(r"web\t+\(all\)\t+-\t+\d+\.\d\ds\t+", whole)
    assert re.match(r"\t+shell\t+-\t+\d+\.\d\ds\t+", app)
    assert full.startswith(f"{uuid}\t")


def test_without_pods_there_is_the_header_alone(rkt: Rktpy) -> None:
    assert rkt.ok("top", "--interval=0").count("\n") == 1
    assert figures(rkt, "--interval=0") == []


def test_a_pod_that_does_not_run_is_refused_by_name_only(rkt: Rktpy) -> None:
    uuid = rkt.prepare("--pod-name=later", INSPECT)

    named, all_of_them = rkt("top", "later"), rkt("top", "--interval=0")

    assert named.status == 254
    assert f'pod "{uuid}" isn\'t currently running' in named.err
    assert all_of_them.status == 0


class Terminal:
    """``rktpy`` on a terminal that is read as it is written."""

    def __init__(self, argv: list[str]) -> None:
        self._leader, follower = pty.openpty()
        self.process = subprocess.Popen(argv, stdout=follower, stderr=follower)
        os.close(follower)
        self._seen = b""

    def picture(self) -> str:
        """Wait for something new and return the last picture that is whole."""
        self._seen += os.read(self._leader, 1 << 16)
        self._seen = CLEAR.join(self._seen.split(CLEAR)[-2:])
        return self._seen.split(CLEAR)[0].decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._leader)


def test_on_a_terminal_it_goes_on_and_pods_come_and_go(rkt: Rktpy) -> None:
    with Terminal(rkt.argv("top", "--interval=100ms")) as terminal:
        until(lambda: "POD" in terminal.picture(), "first picture")
        with rkt.start("run", "--pod-name=web", SHELL, "--", "exec sleep 300") as pod:
            pod.ready()
            until(lambda: "web" in terminal.picture(), "pod")
        until(lambda: "web" not in terminal.picture(), "end of the pod")

        assert terminal.process.poll() is None


def test_a_bad_interval_is_refused(rkt: Rktpy) -> None:
    done = rkt("top", "--interval=-1s")

    assert done.status == 254
    assert "must not be negative" in done.err
