"""A registry on a booted host, with servers as Debian installs them."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.support import debian_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods

REGISTRY = "localhost:5000"
_PLACE = "/srv/registry"
_PROGRAM = Path("/usr/bin/docker-registry")
_LIST = ("image", "list", "--no-legend", "--full", "--fields=id,name")


def stored(stocked: Pods) -> Iterator[None]:
    """Have its program and storage on the host."""
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


def running(pods: Pods) -> Iterator[str]:
    """Start it and yield its unit; what was pulled from it goes again."""
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
