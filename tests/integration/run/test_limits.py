"""Limits of single apps, held by the kernel, on a host whose cgroups no systemd manages."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.rk import Rktpy, until
from tests.support import leaks
from tests.support.throttling import counters, shares

if TYPE_CHECKING:
    from collections.abc import Iterator

# More than it may, but not all of the machine if the limit should not hold.
EAT = "x=12345678; while [ ${#x} -lt 99000000 ]; do x=$x$x; done; echo survived"
FORK = "i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done; echo enough"


def limited(tmp_path: Path, *isolators: dict[str, Any]) -> Path:
    app = {"isolators": list(isolators)}
    return shell_aci(tmp_path / "limited.aci", "example.com/limited", app=app)


def status(rkt: Rktpy, uuid: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(rkt.ok("status", "--format=json", uuid))
    return found


def isolators(rkt: Rktpy, uuid: str) -> dict[str, list[dict[str, Any]]]:
    return {app["name"]: app.get("isolators", []) for app in status(rkt, uuid)["apps"]}


def only_pod(rkt: Rktpy) -> str:
    (pod,) = rkt.pods()
    return pod.partition("/")[2]


def test_an_app_that_eats_more_memory_than_it_may_is_killed(rkt: Rktpy) -> None:
    greedy = rkt.run(SHELL, "--memory=24Mi", "--", EAT)
    dead = only_pod(rkt)
    fields, (app,) = rkt.status(dead), status(rkt, dead)["apps"]
    rkt.collect()
    modest = rkt.run(SHELL, "--memory=24Mi", "--", "echo fine")

    assert (greedy.status, greedy.err) == (9, "")
    assert (fields["app-shell"], fields["oom-shell"]) == ("9", "true")
    assert (app["exit_code"], app["oom_killed"]) == (9, True)
    assert (modest.status, modest.lines()) == (0, ["fine"])
    assert not {"oom-shell"} & rkt.status(only_pod(rkt)).keys()


def pod_manifest(rkt: Rktpy, path: Path, script: str, *isolators: dict[str, Any]) -> Path:
    """Write the manifest of a pod that runs ``script`` and is limited as a whole."""
    rows = json.loads(rkt.ok("image", "list", "--format=json"))
    key = next(row["id"] for row in rows if row["name"].startswith(SHELL))
    app = {"exec": ["/bin/sh", "-c", script], "user": "0", "group": "0"}
    manifest = {
        "acVersion": "0.8.11",
        "acKind": "PodManifest",
        "apps": [{"name": "shell", "image": {"id": key}, "app": app}],
        "isolators": list(isolators),
    }
    path.write_text(json.dumps(manifest))
    return path


def test_a_limit_of_the_pod_holds_for_its_apps(rkt: Rktpy, tmp_path: Path) -> None:
    memory = {"name": "resource/memory", "value": {"limit": "40Mi"}}
    cpu = {"name": "resource/cpu", "value": {"limit": "2"}}
    sysctl = {"name": "os/unix/sysctl", "value": {"net.core.somaxconn": "1"}}
    path = pod_manifest(rkt, tmp_path / "pod.json", EAT, memory, cpu, sysctl)
    done = rkt.run(f"--pod-manifest={path}")
    found = status(rkt, only_pod(rkt))["isolators"][1:]

    assert rkt.status(only_pod(rkt))["oom-shell"] == "true"
    assert (done.status, done.lines()) == (9, [])
    assert [one["enforced"] for one in found] == [True, True, False]
    assert done.err == (
        "stage1: warning: os/unix/sysctl isolator set but not enforced here (not supported)\n"
    )


def test_a_limit_holds_in_a_user_namespace(rkt: Rktpy) -> None:
    greedy = rkt.run("--private-users", SHELL, "--memory=24Mi", "--", EAT)

    assert (greedy.status, greedy.err) == (9, "")
    assert rkt.status(only_pod(rkt))["oom-shell"] == "true"


def test_two_apps_have_a_limit_each_and_status_reads_it_back(rkt: Rktpy) -> None:
    one = (SHELL, "--name=one", "--memory=32Mi", "--pids-limit=8", "--", "exit 0", "---")
    other = (SHELL, "--name=other", "--memory=48Mi", "--cpu=500m", "--", "exit 0")
    done = rkt.run(*one, *other)
    found = isolators(rkt, only_pod(rkt))

    assert (done.status, done.err) == (0, "")
    assert [(i["name"], i["enforced"]) for i in found["one"]] == [
        ("resource/memory", True),
        ("rktpy/pids-limit", True),
    ]
    assert found["other"][0]["value"] == {"default": False, "request": "48Mi", "limit": "48Mi"}
    assert found["other"][1]["by"].startswith("cpu controller of cgroup v")


def test_an_app_gets_the_processor_time_it_may_have_within_a_tenth(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--cpu=200m", "--", "while :; do :; done") as pod:
        groups = app_cgroups(pod.ready(), "shell")
        begin = cpu_counters(groups)
        least, most = pod.until(lambda: shares(begin, cpu_counters(groups)), "throttling")

    assert least <= 0.22  # in all periods, of which a busy machine may leave some unused
    assert most >= 0.18  # in those in which it was stopped because it had used up its share


def app_cgroups(uuid: str, app: str) -> list[str]:
    """Return the directories of an app's cgroup, one in each hierarchy that has it."""
    mangled = uuid.replace("-", "\\x2d")  # as systemd writes it in the name of a scope
    return [
        path
        for own in leaks.own_cgroups()
        for path, _, _ in os.walk(own)
        if path.endswith(f"/{app}.service") and (uuid in path or mangled in path)
    ]


def cpu_counters(groups: list[str]) -> dict[str, int]:
    """Return the counters of processor time, wherever the kernel has them."""
    texts = [Path(f"{group}/cpu.stat") for group in groups]
    return counters("".join(text.read_text() for text in texts if text.exists()))


def test_a_fork_bomb_is_stopped_by_the_limit_of_processes(rkt: Rktpy) -> None:
    bomb = rkt.run(SHELL, "--pids-limit=12", "--", FORK)
    free = rkt.run(SHELL, "--", FORK + "; kill $(jobs -p)")

    assert bomb.lines() == ["/bin/sh: can't fork: Resource temporarily unavailable"]
    assert "enough" in free.lines()


@pytest.fixture
def on_disk() -> Iterator[Rktpy]:
    """``rktpy`` with its data on a disk, where other tests have theirs in memory."""
    with tempfile.TemporaryDirectory(prefix="rktpy-", dir="/var/tmp") as home:
        rkt = Rktpy(Path(home) / "data")
        yield rkt
        assert rkt.collect().status == 0


@pytest.mark.parametrize(
    ("name", "limit"), [("resource/block-bandwidth", "1Mi"), ("resource/block-iops", "16")]
)
def test_writing_to_disks_is_slowed_down(
    on_disk: Rktpy, tmp_path: Path, name: str, limit: str
) -> None:
    """Two MiB in pieces of 64 KiB: 32 operations, two seconds either way."""
    rkt = on_disk
    image = limited(tmp_path, {"name": name, "value": {"default": True, "limit": limit}})
    write = "busybox dd if=/dev/zero of=/file bs=64k count=32 oflag=direct 2>/dev/null"
    done = rkt.run(image, "--", f"cat /proc/uptime; {write} || echo no; cat /proc/uptime")
    began, ended = (float(line.split()[0]) for line in done.lines())
    (found,) = isolators(rkt, only_pod(rkt))["limited"]

    assert (done.err, found["enforced"]) == ("", True)
    assert ended - began > 1.5  # a slow machine takes longer, never less


def test_an_isolator_that_nobody_enforces_is_named_and_strictness_refuses_it(
    rkt: Rktpy, tmp_path: Path
) -> None:
    bandwidth = {
        "name": "resource/network-bandwidth",
        "value": {"default": True, "limit": "1M"},
    }
    image = limited(tmp_path, bandwidth, {"name": "example.com/mood", "value": "good"})
    loose = rkt.run(image, "--", "echo ran")
    found = isolators(rkt, only_pod(rkt))["limited"]
    rkt.collect()
    strict = [
        rkt("run", "--net=none", "--strict-isolators", image, "--", "echo ran"),
        rkt("prepare", "--strict-isolators", image),
    ]
    uuid = rkt.prepare(image)
    later = rkt("run-prepared", "--strict-isolators", uuid)

    assert loose.lines() == ["ran"]
    told = {"resource/network-bandwidth": "the pod joins no network",
            "example.com/mood": "not supported"}  # fmt: skip
    for name, why in told.items():
        assert f"warning: {name} isolator set but not enforced here ({why})" in loose.err
    assert [(i["enforced"], i["by"]) for i in found] == [(False, why) for why in told.values()]
    # ``prepare`` does not know which networks the pod will join; the last one joins the default.
    for done, name in zip((*strict, later), (*told, "example.com/mood"), strict=True):
        assert done.status == 254
        assert f"isolator {name} of app" in done.err
    assert [pod.partition("/")[0] for pod in rkt.pods()] == ["run"]  # the prepared one has ended


def test_no_app_reaches_the_control_groups_in_which_its_pod_keeps_it(rkt: Rktpy) -> None:
    """Nor can it uncover them: its filter has no mount, and no umount."""
    everything = ("--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE", "--memory=32Mi")
    look = "ls /sys/fs /sys/fs/cgroup; umount -l /sys/fs; ls /sys/fs /sys/fs/cgroup"
    done = rkt.run(SHELL, *everything, "--", look.replace("umount", "busybox umount"))
    lines = done.lines()
    half = len(lines) // 2

    assert lines[:half] == lines[half + 1 :], done
    assert lines[half] == "Bad system call"
    assert {"cgroup", "memory", "cpuset"} <= set(lines)
    assert "system.slice" not in lines  # as it is in what the pod has at /sys/fs/cgroup/systemd


def test_the_cgroups_of_a_limited_pod_are_collected_after_it_was_killed(rkt: Rktpy) -> None:
    limits = ("--memory=32Mi", "--cpu=500m", "--pids-limit=20")
    with rkt.start("run", SHELL, *limits, "--", "sleep 1000") as pod:
        groups = app_cgroups(pod.ready(), "shell")
        pod.process.kill()
        until(lambda: rkt.status(pod.uuid)["state"] == "exited", "end")
        rkt.collect()

    assert rkt.pods() == []
    assert groups
    assert [group for group in groups if os.path.exists(group)] == []
