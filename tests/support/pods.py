"""Pod directories made by hand: what a pod that ran leaves on disk, without running one."""

from __future__ import annotations

import json
import os
import uuid as uuids
from pathlib import Path
from typing import TYPE_CHECKING

from rktpy.pod.lifecycle import make_phase_dirs
from rktpy.pod.phase import Phase

if TYPE_CHECKING:
    from rktpy.layout import Layout

STAGE1_ID = "deps-sha512-" + "a" * 64
APP_ID = "deps-sha512-" + "b" * 64
IMAGE_ID = "sha512-" + "c" * 64


def a_manifest(*apps: str) -> dict[str, object]:
    """Return the pod manifest of apps of example.com/redis:7.0."""
    return {
        "acVersion": "0.8.11",
        "acKind": "PodManifest",
        "apps": [_app(name) for name in apps],
        "volumes": [{"name": "data", "kind": "host", "source": "/srv/data", "readOnly": True}],
        "isolators": None,
        "annotations": [{"name": "coreos.com/rkt/stage1/mutable", "value": "false"}],
        "ports": [],
    }


def _app(name: str) -> dict[str, object]:
    labels = {"version": "7.0", "os": "linux", "arch": "amd64"}
    return {
        "name": name,
        "image": {
            "name": "example.com/redis",
            "id": IMAGE_ID,
            "labels": [{"name": key, "value": value} for key, value in labels.items()],
        },
        "app": {"exec": ["/bin/redis"], "user": "0", "group": "0"},
        "mounts": [{"volume": "data", "path": "/data"}],
    }


def a_pod(
    layout: Layout,
    phase: str = Phase.RUN,
    *,
    uuid: str | None = None,
    apps: tuple[str, ...] = ("redis",),
    status: int | None = 0,
    units: int = 3,
) -> str:
    """Lay out a pod as if it had run, been prepared, or been given up; return its UUID."""
    make_phase_dirs(layout)
    uuid = uuid or str(uuids.uuid4())
    root = Path(layout.pod(phase, uuid).root)
    root.mkdir()
    upper = root / "overlay" / STAGE1_ID / "upper"
    _write(root / "pod", json.dumps(a_manifest(*apps)))
    for name, text in (
        ("pod-created", ""),
        ("overlay-prepared", ""),
        ("stage1TreeStoreID", STAGE1_ID),
        (
            "stage1/manifest",
            '{"annotations": [{"name": "rktpy/stage1/builtin", "value": "nspawn"}]}',
        ),
    ):
        _write(root / name, text)
    (root / "stage1/rootfs").mkdir()
    (root / "overlay" / STAGE1_ID / "work/work").mkdir(parents=True)
    for number in range(units):
        _write(upper / f"etc/systemd/system/u{number}.service", "[Unit]\n")
    for app in apps:
        _write(root / f"appsinfo/{app}/manifest", '{"name": "example.com/redis"}')
        _write(root / "overlay" / APP_ID / "upper" / app / "var/data", "x" * 5000)
        if status is not None:
            _write(upper / "rkt/status" / app, str(status))
    if phase in (Phase.RUN, Phase.EXITED_GARBAGE):
        _write(root / "ppid", "4194304\n")  # larger than any process number
        (upper / "rkt").mkdir(exist_ok=True)
        (upper / "rkt/supervisor-status").symlink_to("ready")
    return uuid


def phases_of(layout: Layout) -> dict[str, list[str]]:
    """Return the names in every phase directory that has some."""
    found = {
        phase: sorted(os.listdir(f"{layout.pods}/{phase}")) for phase in os.listdir(layout.pods)
    }
    return {phase: names for phase, names in found.items() if names}


def _write(path: Path, text: str) -> None:
    name = os.fspath(path)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "w") as file:
        file.write(text)
