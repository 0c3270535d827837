"""Where the processes of a pod are on a booted host, as everybody says who knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.pods_on_host import StartedPod


def place_of(pod: StartedPod, process: int) -> str:
    """Return the cgroup of a process in the hierarchy that systemd orders units by."""
    lines = pod.pods.host.read(f"/proc/{process}/cgroup").splitlines()
    (path,) = (
        line.split(":", 2)[2]
        for line in lines
        if ":name=systemd:" in line or (len(lines) == 1 and line.startswith("0::"))
    )
    return path


def where_it_is(pod: StartedPod) -> str:
    """Return the cgroup of the pod's first process, as its file ``subcgroup`` should say it."""
    return place_of(pod, pod.leader())[1:].removesuffix("/init.scope")


def check_place(pod: StartedPod) -> None:
    """Compare what the kernel, systemd, machined and the pod's record say about its cgroup."""
    (process,) = pod.processes("shell")
    argv = ["systemd-cgls", "--no-pager", "--full", f"--unit={pod.unit}"]

    assert place_of(pod, process) == f"{pod.group}/payload/system.slice/shell.service"
    assert place_of(pod, pod.leader()) == f"{pod.group}/payload/init.scope"
    assert pod.pods.subcgroup(pod.uuid) == where_it_is(pod) == f"{pod.group[1:]}/payload"
    assert pod.pods.machines() == [pod.machine]
    assert "─shell.service" in pod.pods.host.run(argv).stdout
