"""What a pod in a user namespace is on a booted host, whichever its kernel and cgroups are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.pods_on_host import SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

_VOLUME = "/srv/userns-volume"
_OPTIONS = (
    "--private-users",
    f"--volume=data,kind=host,source={_VOLUME}",
    "--mount=volume=data,target=/data",
)
_SCRIPT = "cat /data/given >/data/mine && echo hello; exec sleep 1000"


def check_user_namespace(pods: Pods) -> None:
    """Run a pod as a service with ``--private-users`` and ask all there is to know of it."""
    host = pods.host
    host.sh(f"mkdir -p {_VOLUME} && echo given >{_VOLUME}/given && chmod 600 {_VOLUME}/given")
    try:
        pod = pods.as_service(pods.argv(SHELL, _SCRIPT, options=_OPTIONS)).wait_active()
        first = host.read(f"/var/lib/rkt/pods/run/{pod.uuid}/private-users-prepared").split(":")[0]
        machine = pod.machine
        host.wait_until(f"journalctl -q -M {machine} -o cat | grep -x hello")
        (process,) = pod.processes("shell")
        users = [
            host.sh('stat -c %u "/proc/$1"', str(number)).stdout.strip()
            for number in (process, pod.leader())
        ]
        entered = pods.rktpy("enter", pod.uuid, "/bin/sh", "-c", "cat /proc/self/uid_map")
        host.run(["systemctl", "stop", pod.unit])

        assert users == [first, first]
        assert entered.split() == ["0", first, "65536"]
        assert host.sh(f"stat -c %u:%g {_VOLUME}/mine").stdout == "0:0\n"
        assert pod.properties("Result") == {"Result": "success"}
        assert pod.status()["app-shell"] == "0"
    finally:
        host.sh(f"rm -r {_VOLUME}")
