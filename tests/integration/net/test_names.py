"""Pods of a network find each other: real files, many at once, and some of them killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host.lock import lock_dir
from rktpy.net import hosts
from rktpy.net.names import DIRECTORY, announce, withdraw
from rktpy.net.outcome import Introduction

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = "127.0.0.1 localhost\n"


@pytest.fixture(autouse=True)
def _nobody_is_known() -> Iterator[None]:
    yield
    shutil.rmtree(DIRECTORY, ignore_errors=True)


def is_running(pod: str) -> bool:
    return os.path.exists(f"{pod}/running")


def make(base: Path, number: int, *networks: str) -> Path:
    pod = base / str(number)
    pod.mkdir()
    (pod / "running").touch()
    hosts.prepare(str(pod), TOP, networks or ["n"])
    return pod


def join(pod: Path, *networks: str, app: str = "app") -> None:
    who = Introduction(f"pod{pod.name}", f"rkt-{pod.name}", (app,))
    addresses = {network: [f"10.{i}.0.{pod.name}/24"] for i, network in enumerate(networks or "n")}
    assert announce(pod.name, str(pod), who, addresses, is_running) == ()


def text(pod: Path) -> str:
    return (pod / "net/hosts").read_text()


def known(pod: Path) -> set[str]:
    """Return whose names the pod's file has, and see that every line is whole."""
    first, *rest = text(pod).splitlines()
    assert first == TOP.strip()
    found = set()
    for line in rest:
        if line and not line.startswith("#"):
            address, name, *_ = line.split(" ")
            assert name == f"pod{address.rpartition('.')[2]}"
            found.add(address.rpartition(".")[2])
    return found


def test_pods_know_those_of_their_networks(tmp_path: Path) -> None:
    one, two, both = make(tmp_path, 1, "a"), make(tmp_path, 2, "b"), make(tmp_path, 3, "a", "b")
    join(one, "a")
    join(two, "b")
    join(both, "a", "b")

    assert (known(one), known(two), known(both)) == ({"1", "3"}, {"2", "3"}, {"1", "2", "3"})
    assert "10.0.0.1 pod1 rkt-1 app.pod1 app\n" in text(both)
    assert withdraw("1", is_running) == ()
    assert withdraw("1", is_running) == ()
    assert (known(one), known(two), known(both)) == ({"1", "3"}, {"2", "3"}, {"2", "3"})


def test_a_pod_that_ended_is_forgotten_by_the_next_start(tmp_path: Path) -> None:
    pods = [make(tmp_path, number) for number in (1, 2, 3)]
    join(pods[0])
    join(pods[1])
    (pods[0] / "running").unlink()
    assert known(pods[1]) == {"1", "2"}
    join(pods[2])

    assert known(pods[1]) == {"2", "3"}
    assert " app.pod2 app\n" in text(pods[2])
    assert sorted(os.listdir(f"{DIRECTORY}/n")) == [".told", "2", "3"]


@pytest.mark.parametrize(
    "garbage", [b"", b"{}", b"[1]", b"\xff", b"{" * 9999, b'{"uuid":"x","pod":7}', b"a" * (2 << 20)]
)
def test_garbage_is_survived(tmp_path: Path, garbage: bytes) -> None:
    os.makedirs(f"{DIRECTORY}/n/a-directory")
    Path(f"{DIRECTORY}/n/x").write_bytes(garbage)
    Path(f"{DIRECTORY}/a-file").touch()
    os.symlink("/etc/passwd", f"{DIRECTORY}/n/link")
    pod = make(tmp_path, 1)
    join(pod)

    assert known(pod) == {"1"}
    assert withdraw("1", is_running) == ()


def test_a_network_nobody_can_note_is_told_and_no_failure(tmp_path: Path) -> None:
    pod, long = make(tmp_path, 1), "x" * 300
    told = announce("1", str(pod), Introduction(), {long: ["10.0.0.1/8"]}, is_running)

    assert told == (f"names of pods in network {long}: File name too long",)


def test_twenty_at_once(tmp_path: Path) -> None:
    pods = [make(tmp_path, number) for number in range(1, 21)]
    children = [fork(lambda pod=pod: join(pod)) for pod in pods]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 20
    assert all(known(pod) == {str(n) for n in range(1, 21)} for pod in pods)
    children = [fork(lambda pod=pod: leave(pod)) for pod in pods[1:]]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 19

    assert known(pods[0]) == {"1"}


def test_of_many_that_wait_one_tells_of_all(tmp_path: Path) -> None:
    pods = [make(tmp_path, number) for number in range(1, 6)]

    def counted(pod: Path) -> None:
        def asked(other: str) -> bool:
            (tmp_path / f"asked-{pod.name}").touch()
            return is_running(other)

        found = {"n": [f"10.0.0.{pod.name}/24"]}
        assert announce(pod.name, str(pod), Introduction(f"pod{pod.name}"), found, asked) == ()

    os.makedirs(f"{DIRECTORY}/n")
    with lock_dir(f"{DIRECTORY}/n") as held:
        children = [fork(lambda pod=pod: counted(pod)) for pod in pods]
        while len(os.listdir(f"{DIRECTORY}/n")) < len(pods):
            time.sleep(0.01)
        fcntl.flock(held.fd, fcntl.LOCK_UN)  # the children have copies
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 5

    assert all(known(pod) == {str(n) for n in range(1, 6)} for pod in pods)
    assert len(list(tmp_path.glob("asked-*"))) == 1


def test_killed_anywhere_the_next_one_repairs(tmp_path: Path) -> None:
    stays = [make(tmp_path, number) for number in (1, 2)]
    for pod in stays:
        join(pod)
    apps = "a" * 60
    for number in range(3, 90):
        pod = make(tmp_path, number)

        def work(pod: Path = pod) -> None:
            while True:
                join(pod, app=apps)
                withdraw(pod.name, is_running)

        child = fork(work)
        time.sleep(number / 9000)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        (pod / "running").unlink()
        join(stays[1])

        assert known(stays[0]) == known(stays[1]) == {"1", "2"}
        assert text(stays[0]).startswith(TOP + "# pods of network n\n")
        assert text(stays[0]).endswith("\n# end of network n\n")
        assert not os.path.exists(stays[0] / "net/hosts.new")


def leave(pod: Path) -> None:
    (pod / "running").unlink()
    assert withdraw(pod.name, is_running) == ()


def fork(work: object) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        work()  # type: ignore[operator]
        status = 0
    finally:
        os._exit(status)
