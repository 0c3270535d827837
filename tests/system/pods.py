"""Images and helpers for the tests that run pods on the booted host."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.archive import symlink
from tests.support.closure import etcd_aci, redis_aci
from tests.support.images import build_aci

if TYPE_CHECKING:
    from tests.support.container import ContainerHost
    from tests.support.images import Content
    from tests.support.remote import RemoteProcess

IMAGES = "/srv/images"
RUN = ("rktpy", "--insecure-options=image", "run", "--net=host")
_APPLETS = ("sh", "sleep", "echo", "kill", "cat", "true")


def make_images(host: ContainerHost) -> None:
    """Write redis.aci, etcd.aci and shell.aci (``/bin/sh -c``) into the host's /srv/images."""
    folder = Path(host.path(IMAGES))
    folder.mkdir()
    redis_aci(folder / "redis.aci")
    etcd_aci(folder / "etcd.aci")
    shell_aci(folder / "shell.aci")


def shell_aci(path: Path) -> None:
    """Write an image whose command is ``/bin/sh -c``."""
    files: dict[str, Content] = {f"/bin/{name}": symlink("busybox") for name in _APPLETS}
    files["/bin/busybox"] = Path("/bin/busybox")
    build_aci(path, name="example.com/shell", exec=("/bin/sh", "-c"), files=files)


def image(name: str) -> str:
    """Return the path in the host of the image ``name``."""
    return f"{IMAGES}/{name}.aci"


def service_args(name: str) -> list[str]:
    """Return what ``run`` needs for redis or etcd: a data volume of its user, and the image."""
    owner = {"redis": 499, "etcd": 498}[name]
    return [f"--volume=data,kind=empty,mode=0700,uid={owner},gid={owner}", image(name)]


def start(host: ContainerHost, *args: str) -> tuple[RemoteProcess, str]:
    """Start a pod from a shell; return its process and UUID once it is registered."""
    name = f"/run/rktpy-test-{os.urandom(4).hex()}"
    process = host.start([*RUN, f"--uuid-file-save={name}", *args])
    host.wait_until('test -s "$1"', name)
    uuid = host.read(name).strip()
    host.run(["rm", name])
    host.wait_until('machinectl show "rkt-$1" -p Leader', uuid)
    return process, uuid


def collect(host: ContainerHost) -> None:
    """Take away every pod that does not run."""
    host.run(["rktpy", "gc", "--grace-period=0s", "--expire-prepared=0s"])


def machines(host: ContainerHost) -> list[str]:
    """Return the names of the registered pods."""
    text = host.run(["machinectl", "list", "--no-legend", "--no-pager"]).stdout
    return re.findall(r"^(rkt-\S+)", text, re.MULTILINE)


def cgroup_of(host: ContainerHost, program: str) -> str:
    """Return systemd's cgroup of the one process running ``program``, as the host sees it."""
    return host.sh('grep name=systemd "/proc/$(pidof "$1")/cgroup"', program).stdout.strip()
