"""Servers from a registry as units of a booted host: ``ExecStart=rktpy run docker://…``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.registry_on_host import REGISTRY

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods, StartedPod

REDIS, NGINX = f"docker://{REGISTRY}/redis:7", f"docker://{REGISTRY}/nginx:1"
LINKED = f"docker://{REGISTRY}/linked:1"  # its logs are links to its output
PONG = "redis-cli ping 2>&1 | grep -x PONG"
PAGE = (
    """python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8080/").read())'"""
)


def _started(pods: Pods, image: str, question: str, *options: str) -> StartedPod:
    pod = pods.as_service(pods.argv(image, options=options))
    pods.host.wait_until(question, timeout=30)
    return pod.wait_active()


def test_a_unit_runs_redis_from_a_registry_and_keeps_its_data(pods: Pods, registry: str) -> None:
    del registry
    host = pods.host
    host.sh("mkdir -m 0777 /srv/redis-data")
    volume = "--volume=volume-data,kind=host,source=/srv/redis-data"
    pod = _started(pods, REDIS, PONG, volume)

    assert len(pod.processes("redis")) == 1
    host.sh("redis-cli set key value")
    host.run(["systemctl", "stop", pod.unit])
    assert pod.properties("ActiveState", "Result") == {
        "ActiveState": "inactive", "Result": "success"
    }  # fmt: skip
    assert "Received SIGINT scheduling shutdown" in pods.journal(f"--unit={pod.unit}")
    host.run(["systemctl", "start", pod.unit])
    host.wait_until("redis-cli get key 2>&1 | grep -x value", timeout=30)
    host.run(["systemctl", "stop", pod.unit])
    host.sh("rm -r /srv/redis-data")


def test_a_unit_runs_nginx_and_rktpy_stops_it(pods: Pods, registry: str) -> None:
    del registry
    pod = _started(pods, NGINX, f"{PAGE} | grep 'It works'")

    pods.rktpy("stop", pod.uuid)
    assert pod.wait_end() == 0
    assert "signal 3 (SIGQUIT) received" in pods.journal(f"--unit={pod.unit}")


def test_a_unit_starts_again_while_its_registry_is_away(pods: Pods, registry: str) -> None:
    pod = _started(pods, NGINX, f"{PAGE} | grep 'It works'")
    pods.host.run(["systemctl", "stop", pod.unit])
    pods.host.run(["systemctl", "stop", registry])
    pods.host.run(["systemctl", "start", pod.unit])
    pods.host.wait_until(f"{PAGE} | grep 'It works'", timeout=30)
    pods.host.run(["systemctl", "stop", pod.unit])


def test_nginx_with_logs_that_are_links_is_seen_in_the_journal(pods: Pods, registry: str) -> None:
    del registry
    pod = _started(pods, LINKED, f"{PAGE} | grep 'It works'", "--pod-name=linked")
    seen = 'journalctl -q -M "$1" -o cat "$2" "$3" | grep -q "GET / HTTP"'
    for which in (("-t", "linked"), ("-u", "linked")):
        pods.host.wait_until(seen, pod.machine, *which)

    pods.host.run(["systemctl", "stop", pod.unit])
    assert pod.properties("ActiveState", "Result") == {
        "ActiveState": "inactive", "Result": "success"
    }  # fmt: skip
    for lines in (pods.journal(f"--unit={pod.unit}"), pods.rktpy("logs", pod.uuid)):
        assert "GET / HTTP" in lines
        assert "signal 3 (SIGQUIT) received" in lines
