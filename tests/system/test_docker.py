"""Servers from a registry as units of a booted host: ``ExecStart=rktpy run docker://…``."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.support import debian_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods, StartedPod

REGISTRY = "localhost:5000"
REDIS, NGINX = f"docker://{REGISTRY}/redis:7", f"docker://{REGISTRY}/nginx:1"
LINKED = f"docker://{REGISTRY}/linked:1"  # its logs are links to its output
PONG = "redis-cli ping 2>&1 | grep -x PONG"
PAGE = (
    """python3 -c 'import urllib.request as u; print(u.urlopen("http://127.0.0.1:8080/").read())'"""
)
_PLACE = "/srv/registry"
_PROGRAM = Path("/usr/bin/docker-registry")
_LIST = ("image", "list", "--no-legend", "--full", "--fields=id,name")


@pytest.fixture(scope="module")
def _stored(stocked: Pods) -> Iterator[None]:
    """A registry on the host, to be started, with servers as Debian installs them."""
    host = stocked.host
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": f"{_PLACE}/registry"}},
        "http": {"addr": REGISTRY, "secret": "x"},
    }
    with TemporaryDirectory() as directory:
        with tarfile.open(f"{directory}/all.tar", "w") as out:
            out.add(debian_images.storage(), arcname="registry")
            out.add(_PROGRAM, arcname=_PROGRAM.name)
        host.put(f"{directory}/all.tar", "/srv/all.tar")
    host.sh('mkdir "$1" && tar -C "$1" -xf /srv/all.tar && rm /srv/all.tar', _PLACE)
    host.write(f"{_PLACE}/config.json", json.dumps(config))
    yield
    host.sh('rm -r "$1"', _PLACE)


@pytest.fixture
def registry(_stored: None, pods: Pods) -> Iterator[str]:
    """The unit of that registry, started; what was pulled from it goes again."""
    host, unit = pods.host, f"registry-{os.urandom(3).hex()}.service"
    command = [f"{_PLACE}/{_PROGRAM.name}", "serve", f"{_PLACE}/config.json"]
    host.run(["systemd-run", "--quiet", f"--unit={unit}", *command])
    connect = f"import socket; socket.create_connection(('localhost', {REGISTRY.split(':')[1]}))"
    host.wait_until('python3 -c "$1"', connect)
    yield unit
    host.sh('if systemctl is-active "$1"; then systemctl stop "$1"; fi', unit)
    images = [line.split() for line in pods.rktpy(*_LIST).splitlines()]
    pods.clean()
    pods.rktpy("image", "rm", *(key for key, name in images if name.startswith("localhost_5000")))


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
