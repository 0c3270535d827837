"""Exited pods on disk by the hundred, as rktpy leaves them (rkt-cli.md 5.2), without running them.

They are made where rktpy makes pods, and moved as it does: that decides where they are on the disk.

A real exited pod serves as the template where there is one, so that what ``gc`` has to delete is
what a run leaves behind; otherwise its usual content is written by hand.
"""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from typing import TYPE_CHECKING

from rktpy.layout import Layout
from rktpy.pod.lifecycle import make_phase_dirs
from tests.support.images import AC_VERSION, image_manifest

if TYPE_CHECKING:
    from pathlib import Path

_STAGE1_TREE = "deps-sha512-" + "5" * 64
_APP_TREE = "deps-sha512-" + "a" * 64
_IMAGE = "sha512-" + "a" * 64
_APP = "true"
_UNITS = ("default.target", "true.service", "halt.target", "systemd-journald.service")


def make_exited(data: Path, count: int, *, template: Path | None = None) -> list[str]:
    """Add ``count`` exited pods to the data directory and return their UUIDs.

    ``template`` is the directory of a real exited pod; nothing may be mounted below it.
    """
    make_phase_dirs(Layout(str(data)))
    identifiers = [str(uuid.uuid4()) for _ in range(count)]
    for identifier in identifiers:
        pod = data / "pods/embryo" / identifier
        if template is None:
            write_pod(pod)
        else:
            _copy(template, pod)
        pod.rename(data / "pods/run" / identifier)
    return identifiers


def _copy(template: Path, pod: Path) -> None:
    subprocess.run(["/usr/bin/cp", "--archive", str(template), str(pod)], check=True)
    # cp makes holes of what a journal has reserved; deleting has to give that back too.
    for source in template.rglob("*.journal"):
        reserved = source.stat().st_blocks * 512
        with (pod / source.relative_to(template)).open("r+b") as journal:
            os.posix_fallocate(journal.fileno(), 0, reserved)


def write_pod(pod: Path) -> None:
    """Write the directory of one exited pod with one app and an overlay."""
    manifest = json.dumps(image_manifest(f"example.com/{_APP}", exec=["/bin/true"]))
    files = {
        "pod": json.dumps(_pod_manifest()),
        "pod-created": "",
        "pod.lck": "",
        "ppid": "4711\n",
        "stage1TreeStoreID": _STAGE1_TREE,
        "overlay-prepared": "",
        "runtime-config": "{}",
        "stage1/manifest": manifest,
        f"appsinfo/{_APP}/manifest": manifest,
        f"appsinfo/{_APP}/treeStoreID": _APP_TREE,
    }
    upper = f"overlay/{_STAGE1_TREE}/upper"
    files |= {
        f"{upper}/rkt/status/{_APP}": "0\n",
        f"{upper}/rkt/env/{_APP}": "PATH=/bin\nAC_APP_NAME=true\n",
        f"{upper}/etc/machine-id": "0" * 32 + "\n",
        f"{upper}/etc/hostname": "rkt-pod\n",
        f"{upper}/opt/stage2/{_APP}/manifest": manifest,
        f"{upper}/var/log/journal/{'0' * 32}/system.journal": "LPKSHHRH",
    }
    files |= {f"{upper}/etc/systemd/system/{unit}": "[Unit]\n" for unit in _UNITS}
    for name, text in files.items():
        path = pod / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in (
        "stage1/rootfs",
        f"{upper}/opt/stage2/{_APP}/rootfs",
        f"overlay/{_STAGE1_TREE}/work/work",
        f"overlay/{_APP_TREE}/upper/{_APP}/etc",
        f"overlay/{_APP_TREE}/work/{_APP}/work",
    ):
        (pod / name).mkdir(parents=True)
    os.symlink("host", pod / "flavor")
    os.symlink("ready", pod / upper / "rkt/supervisor-status")


def _pod_manifest() -> dict[str, object]:
    app = {"exec": ["/bin/true"], "user": "0", "group": "0"}
    image = {"name": f"example.com/{_APP}", "id": _IMAGE}
    return {
        "acVersion": AC_VERSION,
        "acKind": "PodManifest",
        "apps": [{"name": _APP, "image": image, "app": app}],
        "volumes": None,
        "isolators": None,
        "annotations": [{"name": "coreos.com/rkt/stage1/mutable", "value": "false"}],
        "ports": [],
    }
