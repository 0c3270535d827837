"""The sides of the bench of a hundred: what each of the services of a booted host starts.

``pod`` is rktpy; ``podman`` are units as ``podman generate systemd`` and quadlet write them, with
the same image; ``boot`` is systemd-nspawn and nothing else on the tree of rktpy's stage1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import hundred, podman_tree
from tests.support.pods_on_host import IMAGES, SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

_IMAGE = "localhost/shell"
_BOOT = "/srv/boot"
_CID = "--cidfile=%t/%N.cid"

# The tree of an ACI as podman takes it.
_IMPORT = r"""
mkdir /srv/image
tar -xf "$1" -C /srv/image
tar -cC /srv/image/rootfs . | podman import --quiet - "$2"
rm -r /srv/image
"""
# Stage1 as the store has it, with a service for its default target, whose end is orderly too.
_TREE = r"""
set -- /var/lib/rkt/cas/tree/*/rootfs/usr/lib/systemd/systemd
[ $# = 1 ]
cp -a "${1%/usr/lib/systemd/systemd}" /srv/boot
cd /srv/boot
cp -L /bin/busybox usr/bin/busybox
cat > usr/lib/systemd/system/app.service <<'.'
[Unit]
DefaultDependencies=no
Requires=systemd-journald.service
After=systemd-journald.service
Conflicts=shutdown.target
Before=shutdown.target
[Service]
ExecStart=/usr/bin/busybox sleep 100000
.
cat > usr/lib/systemd/system/default.target <<'.'
[Unit]
DefaultDependencies=no
Requires=app.service
After=app.service
.
"""


class Boots:
    """Bare systemd-nspawn; ``least`` is without its filter and unknown to machined."""

    def __init__(self, *, least: bool = False) -> None:
        self.title = "bare nspawn, least" if least else "bare nspawn"
        self._least = least

    def set_up(self, pods: Pods) -> None:
        """Copy the tree; the services of both kinds share it, as they only read."""
        pods.host.sh(f"test -d {_BOOT} || {{ {_TREE} }}")

    def write(self, pods: Pods) -> list[str]:
        """Write the units and return their names."""
        register = "no" if self._least else "yes"
        environment = "Environment=SYSTEMD_SECCOMP=0\n" if self._least else ""
        text = (
            f"[Service]\nType=notify\n{environment}"
            f"ExecStart=/usr/bin/systemd-nspawn --quiet --directory={_BOOT} --read-only "
            f"--machine=boot-%i --boot --keep-unit --register={register} --settings=no "
            "--resolv-conf=off --timezone=off --link-journal=no --notify-ready=yes "
            "-- --show-status=0 --log-target=null\n"
            "KillMode=mixed\nDelegate=yes\nTasksMax=infinity\n"
        )
        return hundred.write_services(pods, {"boot": text})

    def clean(self, pods: Pods) -> None:
        """Nothing of them stays."""


class Podmans:
    """podman, in a network of its kind."""

    def __init__(self, network: str) -> None:
        self.title = f"podman, {network}"
        self._network = network

    def set_up(self, pods: Pods) -> None:
        """Give podman the image of the pods; run a container, as the first is slow."""
        pods.host.sh(f"podman image exists {_IMAGE} || {{ {_IMPORT} }}", f"{IMAGES}/shell.aci",
                     _IMAGE, timeout=120)  # fmt: skip
        argv = ["podman", "run", "--rm", f"--network={self._network}", _IMAGE, "/bin/true"]
        pods.host.run(argv, timeout=60)

    def write(self, pods: Pods) -> list[str]:
        """Write the units and return their names."""
        # The shell is PID 1 there, which no signal ends that it does not handle.
        text = (
            "[Service]\nType=notify\nNotifyAccess=all\n"
            "ExecStartPre=-/bin/rm -f %t/%N.cid\n"
            f"ExecStart=/usr/bin/podman run --name=podman-%i {_CID} --replace --rm --cgroups=split "
            f"--sdnotify=conmon --detach --stop-signal=KILL --network={self._network} {_IMAGE} "
            f'/bin/sh -c "{hundred.STAY}"\n'
            f"ExecStop=/usr/bin/podman rm -v -f -i {_CID}\n"
            f"ExecStopPost=-/usr/bin/podman rm -v -f -i {_CID}\n"
            "KillMode=mixed\nDelegate=yes\nSyslogIdentifier=%N\n"
        )
        return hundred.write_services(pods, {"podman": text})

    def clean(self, pods: Pods) -> None:
        """Remove what a container that failed has left."""
        pods.host.sh("systemctl reset-failed; podman rm --all --force", timeout=120)


class Rktpys:
    """rktpy's pods, in a network of its kind."""

    def __init__(self, network: str) -> None:
        self.title = f"rktpy, {network}"
        self._network = network

    def set_up(self, pods: Pods) -> None:
        """Run a pod, as the first in a network is slow; ``Pods.stock`` has fetched the image."""
        argv = ["rktpy", "--insecure-options=image", "run", f"--net={self._network}", SHELL,
                "--", "true"]  # fmt: skip
        pods.host.run(argv, timeout=60)
        pods.clean()

    def write(self, pods: Pods) -> list[str]:
        """Write the units and return their names."""
        return hundred.write_units(pods, self._network)

    def clean(self, pods: Pods) -> None:
        """Collect the pods."""
        pods.clean()


def versions() -> str:
    """Return what is measured beside rktpy."""
    return f"podman {podman_tree.version()} with crun"
