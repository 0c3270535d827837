"""``events`` tells each thing that happens to real pods, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.rk import PATIENCE, until
from tests.support.listening import Listener, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.run.rk import Rktpy

PODS = 30  # the kernel gives a user 128 inotify instances, and each pod may have three
POD_EVENTS = ("events", "--format=json", "--filter=type=pod", "--filter=type=app")
LIFE = ["exited=0", "preparing", "ready", "shell:exited=0", "started"]
PAIRS = (("preparing", "started"), ("started", "ready"), ("started", "shell:exited=0"),
         ("ready", "exited=0"), ("shell:exited=0", "exited=0"))  # fmt: skip


@pytest.fixture
def listener(rkt: Rktpy) -> Iterator[Listener]:
    with Listener(rkt.argv(*POD_EVENTS)) as listener:
        yield listener


def recorded(rkt: Rktpy, *args: str) -> list[dict[str, Any]]:
    """Return what ``events`` reads from the disk."""
    lines = rkt.ok("events", "--format=json", "--no-stream", *args).splitlines()
    return [json.loads(line) for line in lines]


def supervisor(rkt: Rktpy, uuid: str) -> int:
    return int((rkt.data / "pods/run" / uuid / "ppid").read_text())


def test_a_pod_is_told_from_its_making_to_its_removal(rkt: Rktpy, listener: Listener) -> None:
    words = ("--pod-name=web", "--pod-label=tier=front", SHELL, "--", "exit 7")
    with rkt.start("run", *words) as pod:
        uuid = pod.uuid
        assert pod.end().status == 7
    said = listener.of(uuid)
    rkt.ok("rm", "web")
    after = listener.of(uuid, "removed")[len(said) :]
    events = [event for event in listener.found if event["name"] == uuid]

    assert sorted(said) == ["exited=7", "preparing", "ready", "shell:exited=7", "started"]
    assert [*said[:2], said[-1]] == ["preparing", "started", "exited=7"]
    assert after == ["marked", "removed"]
    assert {event["pod_name"] for event in events[1:]} == {"web"}
    assert [event["user_labels"] for event in events[1:]] == [{"tier": "front"}] * 6
    times = [event["time_ns"] for event in events]
    assert times == sorted(times)


def test_a_prepared_pod_is_told_as_such(rkt: Rktpy, listener: Listener) -> None:
    uuid = rkt.prepare(SHELL, "--", "sleep 300")
    assert listener.of(uuid, "prepared") == ["preparing", "prepared"]

    with rkt.start("run-prepared", "--net=none", uuid) as pod:
        assert listener.of(uuid, "ready") == ["preparing", "prepared", "started", "ready"]
        rkt.ok("stop", uuid)
        pod.end()

    assert listener.of(uuid)[4:] == ["shell:exited=0", "exited=0"]


def test_a_prepared_pod_that_expires_was_never_started(rkt: Rktpy, listener: Listener) -> None:
    uuid = rkt.prepare(SHELL)
    rkt.collect()

    assert listener.of(uuid, "removed") == ["preparing", "prepared", "marked", "removed"]


@pytest.mark.parametrize("options", [(), ("--no-overlay",)])
def test_each_app_has_its_end_and_the_pod_the_first_failure(
    rkt: Rktpy, listener: Listener, options: tuple[str, ...]
) -> None:
    apps = (SHELL, "--name=good", "--", "exit 0", "---",
            SHELL, "--name=bad", "--", "sleep 1; exit 9", "---",
            SHELL, "--name=long", "--", "sleep 300")  # fmt: skip
    with rkt.start("run", *options, *apps) as pod:
        uuid = pod.uuid
        assert pod.end().status == 9

    assert sorted(listener.of(uuid)) == sorted(
        ["preparing", "started", "ready", "good:exited=0", "bad:exited=9", "long:exited=0",
         "exited=9"]
    )  # fmt: skip


def test_an_app_that_ends_is_told_while_its_pod_runs_on(rkt: Rktpy, listener: Listener) -> None:
    apps = (SHELL, "--name=short", "--", "exit 0", "---", SHELL, "--name=long", "--", "sleep 300")
    with rkt.start("run", *apps) as pod:
        uuid = pod.uuid
        found = listener.until(lambda all_: any("app" in event for event in all_))
        assert pod.process.poll() is None
        assert [short(event) for event in found if "app" in event] == ["short:exited=0"]
        rkt.ok("stop", uuid)


def test_a_pod_that_cannot_be_set_up_has_no_status(rkt: Rktpy, listener: Listener) -> None:
    volume = ("--volume=data,kind=host,source=/there/is/none", "--mount=volume=data,target=/data")
    done = rkt("run", "--net=none", *volume, SHELL, "--", "exit 0")
    (uuid,) = (name.partition("/")[2] for name in rkt.pods())

    assert done.status == 1
    assert listener.of(uuid) == ["preparing", "started", "exited=None"]


def test_a_killed_supervisor_is_the_end_of_a_pod_with_an_unknown_status(
    rkt: Rktpy, listener: Listener
) -> None:
    with rkt.start("run", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        os.kill(supervisor(rkt, uuid), signal.SIGKILL)
        pod.end()

        assert listener.of(uuid) == ["preparing", "started", "ready", "exited=None"]


def test_a_preparation_that_is_killed_is_aborted(rkt: Rktpy, listener: Listener) -> None:
    """It waits for the lock of pods' names when it is killed."""
    from rktpy.host.lock import lock_dir

    names = rkt.data / "names"
    names.mkdir(mode=0o750, exist_ok=True)
    with lock_dir(str(names)):
        preparing = subprocess.Popen(
            rkt.argv("prepare", "--pod-name=never", SHELL), stdout=subprocess.DEVNULL
        )
        (event,) = listener.until(bool)
        assert short(event) == "preparing"
        preparing.kill()
        preparing.wait()
    said = listener.of(event["name"], "aborted")
    rkt.collect()

    assert said == ["preparing", "aborted"]
    assert listener.of(event["name"], "removed")[2:] == ["marked", "removed"]


def test_many_pods_at_once_have_exactly_their_events(rkt: Rktpy, listener: Listener) -> None:
    pods = [
        subprocess.Popen(
            rkt.argv("run", "--net=none", SHELL, "--", "exit 0"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for _ in range(PODS)
    ]  # fmt: skip
    ends = [pod.communicate(timeout=PATIENCE)[1] for pod in pods]
    uuids = {name.partition("/")[2] for name in rkt.pods()}
    collector = rkt.collect()
    said = {uuid: listener.of(uuid, "removed") for uuid in uuids}

    assert ([pod.returncode for pod in pods], collector.status) == ([0] * PODS, 0), ends
    assert len(uuids) == PODS
    for lines in said.values():
        assert sorted(lines) == sorted([*LIFE, "marked", "removed"])
        assert all(lines.index(first) < lines.index(then) for first, then in PAIRS)
    assert len(listener.found) == PODS * 7
    assert listener.watches() == 5


def test_collectors_at_work_change_nothing(rkt: Rktpy, listener: Listener) -> None:
    """Each pod is marked and deleted as soon as it has ended, and all are listed all the time."""
    for number in range(6):
        pod = subprocess.Popen(rkt.argv("run", "--net=none", SHELL, "--", f"exit {number}"))
        while pod.poll() is None:
            rkt.collect()
            rkt.ok("list")
    rkt.collect()
    uuids = {event["name"] for event in listener.found if event["event"] == "started"}
    said = [listener.of(uuid, "removed") for uuid in uuids]

    assert sorted(len(lines) for lines in said) == [7] * 6
    assert sorted(line for lines in said for line in lines if line.startswith("exited")) == [
        f"exited={number}" for number in range(6)
    ]


def test_who_was_stopped_meanwhile_tells_the_rest_later(rkt: Rktpy, listener: Listener) -> None:
    os.kill(listener.process.pid, signal.SIGSTOP)
    with rkt.start("run", SHELL, "--", "exit 3") as pod:
        uuid = pod.uuid
        pod.end()
    os.kill(listener.process.pid, signal.SIGCONT)

    assert sorted(listener.of(uuid)) == [
        "exited=3", "preparing", "ready", "shell:exited=3", "started",
    ]  # fmt: skip


def test_what_is_on_disk_is_told_to_who_asks_later(rkt: Rktpy) -> None:
    with rkt.start("run", "--pod-name=old", SHELL, "--", "exit 4") as pod:
        uuid = pod.uuid
        pod.end()
    with rkt.start("run", "--pod-name=new", SHELL, "--", "sleep 300") as pod:
        pod.ready()
        everything = recorded(rkt, "--since=-1h", "--filter=type=pod", "--filter=type=app")
        started = int(recorded(rkt, "--since=-1h", "--filter=event=started")[1]["time_ns"])
        newer = recorded(rkt, f"--since={started / 1e9:.3f}", "--filter=pod=new")
        nothing = recorded(rkt, "--filter=type=pod")
        rkt.ok("stop", "new")

    old = [short(event) for event in everything if event["name"] == uuid]
    assert sorted(old) == ["exited=4", "preparing", "ready", "shell:exited=4", "started"]
    assert [short(event) for event in newer][-1] == "ready"
    assert nothing == []
    times = [int(event["time_ns"]) for event in everything]
    assert times == sorted(times)


def test_what_was_before_and_what_comes_is_told_without_a_gap(rkt: Rktpy) -> None:
    with rkt.start("run", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        with Listener(rkt.argv(*POD_EVENTS, "--since=-1h")) as listener:
            rkt.ok("stop", uuid)
            pod.end()
            assert listener.of(uuid) == [
                "preparing", "started", "ready", "shell:exited=0", "exited=0",
            ]  # fmt: skip


def test_images_are_told_as_they_come_and_go(rkt: Rktpy, tmp_path: Path) -> None:
    image = shell_aci(tmp_path / "image.aci", "example.com/passing", labels={"version": "1.2"})
    with Listener(
        rkt.argv("events", "--format=json", "--filter=type=image"), watches=1
    ) as listener:
        key = rkt.ok("fetch", "--full", image).strip()
        rkt.ok("image", "rm", key)
        found = listener.until(lambda all_: len(all_) == 2)

    assert [(e["type"], e["event"], e["id"], e["name"]) for e in found] == [
        ("image", "fetched", key, "example.com/passing:1.2"),
        ("image", "removed", key, "example.com/passing:1.2"),
    ]


def test_it_begins_before_there_is_a_data_directory(tmp_path: Path, rkt: Rktpy) -> None:
    fresh = type(rkt)(tmp_path / "some/where")
    image = shell_aci(tmp_path / "image.aci", "example.com/first")
    with Listener(fresh.argv("events", "--format=json"), watches=2) as listener:
        key = fresh.ok("fetch", "--full", image).strip()
        uuid = fresh.prepare("example.com/first")
        said = listener.of(uuid, "prepared")
        images = [e["id"] for e in listener.found if e["type"] == "image"]

    assert said == ["preparing", "prepared"]
    assert key in images
    assert fresh.collect().status == 0


def test_where_no_pod_is_registered_who_asks_for_that_is_told_so(rkt: Rktpy) -> None:
    asked = rkt("events", "--no-stream", "--filter=event=registered")
    not_asked = rkt("events", "--no-stream", "--filter=event=ready", "--filter=event=exited")

    assert (asked.status, not_asked.status) == (0, 0)
    assert "not booted by systemd" in asked.err
    assert not_asked.err == ""


def test_it_ends_with_its_reader(rkt: Rktpy) -> None:
    listener = subprocess.Popen(rkt.argv("events"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert listener.stdout is not None
    listener.stdout.close()

    assert listener.wait(PATIENCE) == -signal.SIGPIPE
    assert listener.stderr is not None
    assert listener.stderr.read() == b""
    listener.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_word(rkt: Rktpy, number: signal.Signals) -> None:
    with Listener(rkt.argv(*POD_EVENTS)) as listener:
        listener.process.send_signal(number)
        assert listener.process.wait(PATIENCE) == -number
        assert listener.err() == ""


def test_killed_it_leaves_nothing_and_the_next_goes_on(rkt: Rktpy, listener: Listener) -> None:
    before = sorted(path.relative_to(rkt.data) for path in rkt.data.rglob("*"))
    with rkt.start("run", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        listener.of(uuid, "ready")
        listener.process.kill()
        listener.process.wait(PATIENCE)
        told = [short(event) for event in listener.found]
        since = f"--since={int(listener.found[-1]['time_ns']) / 1e9 + 0.001:.6f}"
        with Listener(rkt.argv(*POD_EVENTS, since)) as next_one:
            rkt.ok("stop", uuid)
            pod.end()
            told += next_one.of(uuid)
    rkt.collect()

    assert told == ["preparing", "started", "ready", "shell:exited=0", "exited=0"]
    assert sorted(path.relative_to(rkt.data) for path in rkt.data.rglob("*")) == before


def test_the_first_event_that_fits_may_be_the_last(rkt: Rktpy) -> None:
    waiting = subprocess.Popen(
        rkt.argv("events", "--since=-1s", "--count=1", "--filter=event=ready", "--filter=pod=web"),
        stdout=subprocess.PIPE,
    )
    with rkt.start("run", "--pod-name=web", SHELL, "--", "sleep 300") as pod:
        uuid = pod.uuid
        out, _ = waiting.communicate(timeout=PATIENCE)
        rkt.ok("stop", uuid)

    assert waiting.returncode == 0
    assert f" pod ready {uuid} name=web\n" in out.decode()


def test_without_news_nobody_wakes_up(rkt: Rktpy, listener: Listener) -> None:
    with rkt.start("run", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        listener.of(uuid, "ready")
        quiet = until(lambda: same_for_a_while(listener.process.pid), "rest")
        rkt.ok("stop", uuid)

    assert quiet
    assert listener.watches() >= 5


def same_for_a_while(pid: int) -> bool:
    """Return whether the process has slept for two seconds without a break."""
    import time

    before = switches(pid)
    time.sleep(2)
    return switches(pid) == before


def switches(pid: int) -> list[str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return [line for line in lines if "ctxt_switches" in line]
