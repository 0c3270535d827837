"""Configurations of images of layers, made into manifests of ours."""

from __future__ import annotations

import json

from rktpy.appc.image import ImageManifest
from rktpy.codec import compact
from rktpy.image.layered.config import Identity, convert, parse_config
from tests.fuzz.mutate import stretch_json, structured
from tests.fuzz.target import Target

_KEYS = (
    "os", "architecture", "variant", "config", "rootfs", "type", "diff_ids", "User", "WorkingDir",
    "Entrypoint", "Cmd", "Env", "Volumes", "ExposedPorts", "Labels", "StopSignal", "Healthcheck",
    "created",
    "author", "80/tcp", "1-" + "9" * 5000, "/data",
)  # fmt: skip
_IDENTITY = Identity(
    "registry.example.com/a/b", "latest", "a/b", "a/b", "registry.example.com", "sha256:a",
    "sha256:b",
    (("org.opencontainers.image.created", "2026-01-02T03:04:05Z"),),
)  # fmt: skip


def _seeds() -> list[bytes]:
    config = {
        "User": "1000:www",
        "WorkingDir": "srv//x",
        "Entrypoint": ["/bin/app"],
        "Cmd": ["-v"],
        "Env": ["PATH=/bin", "A=", "B"],
        "Volumes": {"/data": {}, "/data/": {}},
        "ExposedPorts": {"80/tcp": {}, "90-99/udp": {}},
        "Labels": {"a": "b"},
        "StopSignal": "SIGTERM",
        "Healthcheck": {"Test": ["NONE"]},
    }
    rootfs = {"type": "layers", "diff_ids": ["sha256:" + "a" * 64]}
    whole = {"os": "linux", "architecture": "amd64", "config": config, "rootfs": rootfs}
    return [
        json.dumps(one).encode() for one in (whole | {"created": "2026-01-02"}, {"os": "linux"})
    ]


def _run(data: bytes) -> None:
    manifest = convert(parse_config(data), _IDENTITY)
    text = compact(manifest.to_object())
    assert compact(ImageManifest.from_json(text).to_object()) == text


TARGET = Target(_run, _seeds, structured(_KEYS), stretch_json)
