"""Debian's podman as a layer below a booted host: this machine's programs, and how it is set up.

The host is made of the same release as this machine (``host_image``), so the programs fit; of their
libraries the layer has those that the host's own tree lacks. Storage is on a plain directory, since
an overlay cannot be the upper directory of another one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.support import host_image
from tests.support.cache import built, key_of
from tests.support.closure import closure_files, find_binary

STORAGE = "/srv/containers"
_RECIPE = 1  # raise it when what is below builds something else from the same words

_PROGRAMS = ("podman", "conmon", "crun")
_PLUGINS = ("bridge", "portmap", "host-local", "loopback", "firewall", "tuning")
_COPIED = (
    "/etc/cni/net.d/87-podman-bridge.conflist", "/usr/share/containers/seccomp.json",
)  # fmt: skip
# Root of the test host may neither raise limits above the machine's, nor use keyrings.
_WRITTEN = {
    "/etc/containers/containers.conf": """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
keyring = false
[engine]
cgroup_manager = "systemd"
events_logger = "none"
runtime = "crun"
""",
    "/etc/containers/storage.conf": f"""\
[storage]
driver = "overlay"
graphroot = "{STORAGE}"
runroot = "/run/containers"
""",
    "/etc/containers/policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n',
}


def lower() -> str:
    """Return the layer, which goes above the host's own ones.

    Raises:
        FileNotFoundError: podman, or a program that it needs, is not installed here.
    """
    binaries = [find_binary(name) for name in _PROGRAMS]
    binaries += [Path("/usr/lib/cni", name) for name in _PLUGINS]
    base = host_image.base_tree()
    key = key_of([_RECIPE, _WRITTEN, _COPIED, version(), *map(str, binaries), base])

    def fill(path: str) -> None:
        for name, entry in closure_files(binaries).items():
            # The host's /lib is a link: a directory of that name would hide all that is in it.
            target = os.path.realpath(os.path.dirname(name)) + "/" + os.path.basename(name)
            if entry.source is not None and not os.path.lexists(base + target):
                _place(path + target, entry.source)
        for name in _COPIED:
            _place(path + name, Path(name))
        for name, text in _WRITTEN.items():
            os.makedirs(os.path.dirname(path + name), exist_ok=True)
            Path(path + name).write_text(text)

    return built("podman-tree", key, fill)


def version() -> str:
    """Return the version of this machine's podman."""
    said = subprocess.run(
        [find_binary("podman"), "--version"], check=True, capture_output=True, text=True
    )
    return said.stdout.split()[-1]


def _place(target: str, source: Path) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(source, target)
