"""What the tests of registries share."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.aci_server import Server
    from tests.support.layouts import Layout

PLAIN = "--insecure-options=image,http"
IMAGE = "--insecure-options=image"


def login_file(*registries: str) -> str:
    """Return a file for ``auth.d`` that lets the user of ``Registry`` in."""
    return json.dumps(
        {
            "rktKind": "dockerAuth",
            "rktVersion": "v1",
            "registries": list(registries),
            "credentials": {"user": "user", "password": "secret"},
        }
    )


def serve_image(server: Server, layout: Layout, **rule: Any) -> str:
    """Serve an image as a registry would, each path by ``rule``; return its layer's path."""
    manifest = layout.image({"a": os.urandom(300_000)})
    content = layout.file(manifest).read_bytes()
    server.put("/v2/app/manifests/latest", content, **rule)
    fields = json.loads(content)
    path = ""
    for blob in (fields["config"], *fields["layers"]):
        path = f"/v2/app/blobs/{blob['digest']}"
        server.put(path, layout.file(blob), **rule)
    return path
