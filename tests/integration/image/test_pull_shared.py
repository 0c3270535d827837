"""Layers that several pulls want at once, and a pull after one that failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.registries import PLAIN
from tests.integration.run.rk import PATIENCE, until
from tests.support.dam import Dam
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.image.fetching import Fetcher
    from tests.support.layouts import Layout

pytestmark = pytest.mark.integration
_HOST = "docker://127.0.0.1:5000"


@pytest.fixture
def registry(_own_namespaces: None, tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path) as running:
        yield running


def _blobs(layout: Layout, registry: Registry, name: str, *layers: bytes) -> list[str]:
    """Push an image with one file in each layer; return the digests of the layers' blobs."""
    made = layout.image(*({str(n): data} for n, data in enumerate(layers)), tag=name)
    registry.push(f"oci:{layout.path}:{name}", f"{name}:1")
    fields = json.loads(layout.file(made).read_bytes())
    return [blob["digest"] for blob in fields["layers"]]


def test_pulls_with_the_same_layers_do_not_wait_for_each_other_for_ever(
    rkt: Fetcher, registry: Registry, layout: Layout
) -> None:
    parts = [os.urandom(1 << 20) for _ in range(6)]
    digests = _blobs(layout, registry, "up", *parts)
    assert _blobs(layout, registry, "same", *parts) == digests
    layout.image(*({str(n): parts[n]} for n in reversed(range(6))), tag="down")
    registry.push(f"oci:{layout.path}:down", "down:1")

    for _turn in range(3):
        words = [rkt.argv(PLAIN, "fetch", f"{_HOST}/{name}:1") for name in ("up", "down", "same")]
        running = [subprocess.Popen(one, stdout=subprocess.DEVNULL) for one in words]
        assert [one.wait(PATIENCE) for one in running] == [0, 0, 0]
        assert len(os.listdir(rkt.data / "cas/layer")) == 6
        assert os.listdir(rkt.data / "cas/tmp") == []
        for key in rkt.ok("image", "list", "--no-legend", "--full", "--fields=id").split():
            rkt.ok("image", "rm", key)
        rkt.ok("image", "gc", "--grace-period=0s")
    assert all(registry.asked(digest) == 3 for digest in digests)


def test_a_pull_goes_on_with_the_layers_that_are_missing(
    rkt: Fetcher, registry: Registry, layout: Layout
) -> None:
    good, bad = _blobs(layout, registry, "app", os.urandom(1000), os.urandom(3 << 20))
    path = registry.data / f"docker/registry/v2/blobs/sha256/{bad[7:9]}/{bad[7:]}/data"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with Dam(5001, 5000, passes=2 << 20, each=True) as dam:
        words = rkt.argv(PLAIN, "fetch", "docker://127.0.0.1:5001/app:1")
        pull = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        until(lambda: [*rkt.data.glob("cas/layer/*")], "the good layer")
        dam.open()
        _out, err = pull.communicate(timeout=PATIENCE)
    assert (pull.returncode, f"{bad} has the digest sha256:" in err) == (254, True)
    assert os.listdir(rkt.data / "cas/tmp") == []
    path.write_bytes(content)
    rkt.ok(PLAIN, "fetch", f"{_HOST}/app:1")
    assert (registry.asked(good), registry.asked(bad)) == (1, 2)


def test_who_interrupts_a_pull_sees_nothing_of_its_processes(
    rkt: Fetcher, registry: Registry, layout: Layout
) -> None:
    _blobs(layout, registry, "app", *(os.urandom(4 << 20) for _ in range(3)))
    for turn in range(4):
        with Dam(5001 + turn, 5000, passes=2 << 20, each=True):
            pull = subprocess.Popen(
                rkt.argv(PLAIN, "fetch", f"docker://127.0.0.1:{5001 + turn}/app:1"),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            until(lambda: [*rkt.data.glob("cas/tmp/*/layer/rootfs/*")], "half a layer")
            os.killpg(pull.pid, signal.SIGINT)  # as a terminal does

            _out, err = pull.communicate(timeout=PATIENCE)
        assert (pull.returncode, b"Error" in err) == (-signal.SIGINT, False)
        assert list(rkt.data.glob("cas/tmp/*")) == []
        rkt.ok("image", "gc")  # layers that were complete


def test_who_interrupts_a_pull_of_too_many_layers_waits_for_no_server(
    rkt: Fetcher, registry: Registry, layout: Layout
) -> None:
    """They are squashed, so threads fetch them; a server that went silent holds these."""
    _blobs(layout, registry, "app", os.urandom(4 << 20), *(b"%d" % n for n in range(200)))
    with Dam(5001, 5000, passes=1 << 20) as dam:
        words = rkt.argv(PLAIN, "fetch", "docker://127.0.0.1:5001/app:1")
        pull = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
        until(dam.is_dry, "silence")
        os.killpg(pull.pid, signal.SIGINT)

        assert pull.wait(PATIENCE) == -signal.SIGINT
    assert list(rkt.data.glob("cas/tmp/*")) == []
