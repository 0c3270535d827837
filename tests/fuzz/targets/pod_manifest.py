"""The manifest of a pod; what is understood reads the same when it is written again."""

from __future__ import annotations

import json

from rktpy.appc.pod import PodManifest
from rktpy.codec import compact
from tests.fuzz.mutate import stretch_json, structured
from tests.fuzz.target import Target
from tests.fuzz.targets import image_manifest
from tests.support.pods import a_manifest

_KEYS = (
    *image_manifest.KEYS, "apps", "volumes", "image", "id", "readOnlyRootFS", "mounts", "volume",
    "appVolume", "kind", "source", "recursive", "mode", "uid", "gid", "copyUp", "hostPort",
    "hostIP",
    "podPort",
)  # fmt: skip


def _seeds() -> list[bytes]:
    apps = [{**app, "app": image_manifest.whole()["app"]} for app in _apps()]
    volumes = [
        {"name": "data", "kind": "host", "source": "/srv", "recursive": False},
        {"name": "scratch", "kind": "empty", "mode": "0700", "uid": 1, "gid": 2, "copyUp": True},
    ]
    ports = [{"name": "web", "hostPort": 8080, "hostIP": "127.0.0.1", "podPort": {"name": "w"}}]
    full = a_manifest("a") | {"apps": apps, "volumes": volumes, "ports": ports}
    return [json.dumps(found).encode() for found in (full, a_manifest("a", "b"), a_manifest())]


def _apps() -> list[dict[str, object]]:
    found = a_manifest("a", "b")["apps"]
    assert isinstance(found, list)
    return found


def _run(data: bytes) -> None:
    manifest = PodManifest.from_json(data)
    text = compact(manifest.to_object())
    assert compact(PodManifest.from_json(text).to_object()) == text
    hash(manifest)


TARGET = Target(_run, _seeds, structured(_KEYS), stretch_json)
