"""A pull that was killed: the layers that had arrived are not asked for again."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.registries import IMAGE
from tests.integration.run.rk import until
from tests.support.layouts import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher
    from tests.support.aci_server import Server

pytestmark = pytest.mark.integration

NAME = "docker://example.com/app"


def test_layers_that_had_arrived_are_not_asked_for_again(
    rkt: Fetcher, server: Server, tmp_path: Path
) -> None:
    layout = Layout(tmp_path / "layout")
    manifest = layout.image(*({name: os.urandom(300_000)} for name in "abc"))
    content = layout.file(manifest).read_bytes()
    server.put("/v2/app/manifests/latest", content)
    said = json.loads(content)
    paths = [f"/v2/app/blobs/{blob['digest']}" for blob in (said["config"], *said["layers"])]
    for path, blob in zip(paths, (said["config"], *said["layers"]), strict=True):
        server.put(path, layout.file(blob))
    server.rule(paths[-1], cut=100_000, hangs=True)
    pull = subprocess.Popen(
        rkt.argv(IMAGE, "fetch", NAME),
        env=os.environ | rkt.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: len(list((rkt.data / "cas/layer").glob("*/rendered"))) == 2, "two layers")
    pull.kill()
    pull.wait()
    server.rule(paths[-1])
    server.forget()

    rkt.ok(IMAGE, "fetch", NAME)

    assert [len(server.requests(path)) for path in paths[1:]] == [0, 0, 1]
    rkt.ok("image", "verify", rkt.ok("image", "list", "--no-legend", "--fields=id").strip())
    rkt.ok("image", "gc")
    assert os.listdir(rkt.data / "cas/tmp") == []
