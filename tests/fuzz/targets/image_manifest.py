"""The manifest of an image; what is understood reads the same when it is written again."""

from __future__ import annotations

import json

from rktpy.appc.image import ImageManifest
from rktpy.codec import compact
from tests.fuzz.mutate import stretch_json, structured
from tests.fuzz.target import Target
from tests.support.images import image_manifest
from tests.support.manifests import broken_manifests

KEYS = (
    "acKind", "acVersion", "name", "labels", "app", "annotations", "dependencies", "pathWhitelist",
    "imageName", "imageID", "size", "value", "exec", "eventHandlers", "user", "group",
    "supplementaryGIDs",
    "workingDirectory", "environment", "mountPoints", "ports", "isolators", "userAnnotations",
    "userLabels",
    "path", "readOnly", "protocol", "port", "count", "socketActivated", "set", "errno", "default",
    "request", "limit", "NAME", "Labels",
)  # fmt: skip
ISOLATORS = [
    {"name": "resource/memory", "value": {"request": "1G", "limit": "1.5Gi"}},
    {"name": "resource/cpu", "value": {"limit": 0.5}},
    {"name": "os/linux/capabilities-retain-set", "value": {"set": ["CAP_KILL"]}},
    {"name": "os/linux/seccomp-remove-set", "value": {"set": ["@rkt/default"], "errno": "EPERM"}},
    {"name": "os/linux/no-new-privileges", "value": True},
    {"name": "os/linux/oom-score-adj", "value": -100},
    {"name": "os/unix/sysctl", "value": {"net.ipv4.ip_forward": "1"}},
]


def whole() -> dict[str, object]:
    """Return a manifest with a bit of everything."""
    app = {
        "eventHandlers": [{"name": "pre-start", "exec": ["/bin/pre"]}],
        "supplementaryGIDs": [1, 2],
        "workingDirectory": "/srv",
        "environment": [{"name": "PATH", "value": "/bin"}],
        "mountPoints": [{"name": "data", "path": "/data", "readOnly": True}],
        "ports": [{"name": "web", "protocol": "tcp", "port": 80, "count": 2}],
        "isolators": ISOLATORS,
        "userAnnotations": {"a": "b"},
        "userLabels": {"c": "d"},
    }
    identity = {"imageName": "example.com/base", "imageID": "sha512-ab", "size": 7}
    return image_manifest(
        "example.com/app",
        app=app,
        labels={"version": "1", "os": "linux", "arch": "amd64"},
        annotations={"created": "2026-01-02T03:04:05Z", "homepage": "https://example.com/%20"},
        dependencies=[identity | {"labels": [{"name": "os", "value": "linux"}]}],
        pathWhitelist=["/a"],
        unknown={"kept": [1.50]},
    )


def _seeds() -> list[bytes]:
    small = [broken.raw for broken in broken_manifests() if len(broken.raw) < 4096]
    return [json.dumps(whole()).encode(), *small]


def _run(data: bytes) -> None:
    manifest = ImageManifest.from_json(data)
    text = compact(manifest.to_object())
    again = ImageManifest.from_json(text)
    assert compact(again.to_object()) == text
    hash(manifest)


TARGET = Target(_run, _seeds, structured(KEYS), stretch_json)
