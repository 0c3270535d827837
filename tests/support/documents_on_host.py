"""Documents that are typed on a booted host: the images that they name, and what they leave."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.support import archive, closure, pods_on_host
from tests.support.images import build_aci
from tests.support.walkthrough import check, steps, walk_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.pods_on_host import Pods

DOCS = Path(__file__).parents[2] / "docs"
TYPED = ("systemd", "pods-as-files")  # of the how-tos
_IMAGES = "/srv/images"
_FORGET = """\
systemctl disable --now rktpy-gc.timer
systemctl stop "worker@*.service" || :
rm -rf /etc/rktpy/*.pod /etc/rktpy/*.pod.d /srv/www /srv/db
for unit; do systemctl disable --now "$unit" || :; rm -f "/etc/systemd/system/$unit"; done
systemctl daemon-reload
"""


def check_how_to(pods: Pods, name: str) -> None:
    """Type the commands of a how-to; then take its units away again."""
    document = DOCS / f"how-to/{name}.md"
    before = _units(pods)
    _put_images(pods)
    todo = steps(document)
    try:
        check(walk_on(pods.host, todo), todo)
    finally:
        pods.host.sh(_FORGET, *sorted(_units(pods) - before))
        pods.host.run(["rm", "-r", _IMAGES])


def redis(path: Path) -> None:
    """Write redis, which says when it is ready."""
    command = ["/usr/bin/redis-server", *closure.redis().arguments, "--supervised", "systemd"]
    closure.redis_aci(path, name="example.com/redis", exec=command, annotations=pods_on_host.NOTIFY)


def echo(path: Path) -> None:
    """Write the server that is started by its first connection."""
    pods_on_host.talk(path, "serve", name="example.com/echo")


def web(path: Path) -> None:
    """Write a web server, whose files are a volume."""
    port = {"name": "http", "protocol": "tcp", "port": 8080}
    command = ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
    build_aci(
        path,
        name="example.com/web",
        exec=command,
        app={"ports": [port]},
        files={"/bin/busybox": Path("/bin/busybox"), "/bin/sh": archive.symlink("busybox")},
    )


def _put_images(pods: Pods) -> None:
    builders: tuple[Callable[[Path], object], ...] = (redis, web, echo, pods_on_host.shell)
    pods.host.run(["mkdir", "-p", _IMAGES])
    with TemporaryDirectory() as directory:
        for build in builders:
            path = Path(directory, f"{build.__name__}.aci")
            build(path)
            pods.host.put(str(path), f"{_IMAGES}/{path.name}")


def _units(pods: Pods) -> set[str]:
    names = pods.host.sh("cd /etc/systemd/system && ls -d *.service *.socket 2> /dev/null || :")
    return set(names.stdout.split())
