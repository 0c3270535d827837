"""Redis and nginx from Debian, as docker images of several layers in a registry, run as pods."""

from __future__ import annotations

import http.client
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.docker.pulling import NGINX, REDIS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.docker.pulling import Puller

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("debian")]

HOSTNET = "--net=host"  # of the test, which has a network of its own


def redis(*words: str, port: int = 6379) -> str:
    """Return what a redis on loopback answers, nothing while there is none."""
    argv = ["redis-cli", "-p", str(port), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def get(path: str = "/", port: int = 8080) -> tuple[int, bytes] | None:
    """Return status and body of an answer over http, nothing while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except ConnectionError:
        return None
    finally:
        connection.close()


def _app(rkt: Puller, image: str) -> dict[str, Any]:
    key = rkt.ok("fetch", "--full", "--pull-policy=new", image).strip()
    found: dict[str, Any] = json.loads(rkt.ok("image", "cat-manifest", key))
    return found


def test_redis_keeps_its_data_in_a_volume(rkt: Puller, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    volume = f"--volume=volume-data,kind=host,source={data}"

    with rkt.start("run", HOSTNET, volume, REDIS) as pod:
        pod.until(lambda: redis("ping") == "PONG", "answer of redis")
        assert redis("set", "key", "value") == "OK"
        rkt.ok("stop", pod.uuid)
        first = pod.end()
    with rkt.start("run", HOSTNET, volume, REDIS) as pod:
        pod.until(lambda: redis("ping") == "PONG", "answer of redis")
        assert redis("get", "key") == "value"
        rkt.ok("stop", pod.uuid)
        assert pod.end().status == 0

    assert first.status == 0
    assert (data / "appendonlydir").is_dir()


def test_redis_runs_as_its_image_says(rkt: Puller) -> None:
    script = "id -un; id -gn; pwd; echo $MODE; stat -c %U:%G:%a /data /etc/redis; ls /etc/redis"
    done = rkt.shell(REDIS, script)

    assert done.lines() == [
        *("redis", "redis", "/data", "production"),
        *("redis:redis:755", "redis:redis:750", "redis.conf"),
    ]


def test_what_upper_layers_delete_is_not_there(rkt: Puller) -> None:
    gone = "/etc/init.d/redis-server /var/lib/redis"
    done = rkt.shell(REDIS, f"ls -d {gone} 2>/dev/null; ls /var/lib/dpkg/info/redis-server.list")

    assert done.lines() == ["/var/lib/dpkg/info/redis-server.list"]
    done = rkt.shell(
        NGINX, "ls -A /etc/nginx/sites-enabled; ls /etc/init.d/nginx; ls /var/www/html"
    )
    assert [line for line in done.lines() if "cannot access" not in line] == ["index.html"]


@pytest.mark.parametrize(
    ("image", "farewell"), [(REDIS, "Received SIGINT"), (NGINX, "signal 3 (SIGQUIT) received")]
)
def test_stop_sends_the_signal_of_the_image(rkt: Puller, image: str, farewell: str) -> None:
    with rkt.start("run", HOSTNET, image) as pod:
        pod.until((lambda: redis("ping")) if image == REDIS else get, "answer")
        rkt.ok("stop", pod.uuid)
        done = pod.end()

    assert done.status == 0
    assert any(farewell in line for line in done.lines()), done


def test_nginx_serves_a_file(rkt: Puller, tmp_path: Path) -> None:
    with rkt.start("run", HOSTNET, NGINX) as pod:
        assert pod.until(get, "answer of nginx") == (200, b"It works.\n")
        assert get("/nothing") is not None
        rkt.ok("stop", pod.uuid)

    (tmp_path / "page").write_text("ours")
    tmp_path.chmod(0o755)
    mount = [f"--volume=www,kind=host,source={tmp_path}", "--mount=volume=www,target=/var/www/html"]
    with rkt.start("run", HOSTNET, *mount, NGINX) as pod:
        assert pod.until(lambda: get("/page"), "answer of nginx") == (200, b"ours")
        rkt.ok("stop", pod.uuid)


def test_both_servers_share_a_pod(rkt: Puller) -> None:
    words = (REDIS, "--name=db", "--", "--port", "6380", "---")
    with rkt.start("run", HOSTNET, *words, NGINX, "--name=www") as pod:
        pod.until(lambda: redis("ping", port=6380) == "PONG", "answer of redis")
        assert pod.until(get, "answer of nginx") == (200, b"It works.\n")
        apps = rkt.ok("list", "--no-legend", "--fields=app").split()
        rkt.ok("stop", pod.uuid)
        assert pod.end().status == 0

    assert sorted(apps) == ["db", "www"]


def test_the_configuration_becomes_an_app(rkt: Puller) -> None:
    manifest = _app(rkt, REDIS)
    app = manifest["app"]
    annotations = {one["name"]: one["value"] for one in manifest["annotations"]}

    assert app["exec"] == ["/usr/bin/redis-server", "/etc/redis/redis.conf"]
    assert (app["user"], app["group"], app["workingDirectory"]) == ("redis", "redis", "/data")
    assert {"name": "MODE", "value": "production"} in app["environment"]
    assert [(port["name"], port["port"]) for port in app["ports"]] == [("6379-tcp", 6379)]
    assert app["mountPoints"] == [{"name": "volume-data", "path": "/data"}]
    assert annotations["rktpy/docker/stop-signal"] == "SIGINT"
    health = json.loads(annotations["rktpy/docker/health-check"])
    assert health["Test"] == ["CMD-SHELL", "redis-cli ping"]
