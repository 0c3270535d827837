"""Manifests with more mounts than fit, and with what cannot be said to the kernel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.test_bad_input import check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy


def pod_manifest(rkt: Rktpy, path: Path, **app: object) -> Path:
    """Write the manifest of a pod of the shell; ``app`` are keys of its one app."""
    lines = rkt.ok("image", "list", "--full", "--no-legend").splitlines()
    (key,) = [line.split("\t")[0] for line in lines if f"\t{SHELL}" in line]
    command = {"exec": ["/bin/true"], "user": "0", "group": "0"}
    manifest = {
        "acVersion": "0.8.11", "acKind": "PodManifest",
        "apps": [{"name": "shell", "image": {"id": key}, "app": command} | app],
        "volumes": [{"name": "vol", "kind": "host", "source": str(path.parent)}],
    }  # fmt: skip
    path.write_text(json.dumps(manifest))
    return path


@pytest.mark.parametrize("verb", ["run", "prepare"])
def test_ten_thousand_mounts_are_refused_at_once(rkt: Rktpy, tmp_path: Path, verb: str) -> None:
    mounts = [{"volume": "vol", "path": f"/m/{number}"} for number in range(10_000)]
    path = pod_manifest(rkt, tmp_path / "pod.json", mounts=mounts)

    done = rkt(verb, f"--pod-manifest={path}")

    check_refusal(done, "pod has 10000 mounts, 2000 are possible", verb)
    assert rkt.pods() == []


def test_a_thousand_mounts_work(rkt: Rktpy, tmp_path: Path) -> None:
    mounts = [{"volume": "vol", "path": f"/m/{number}"} for number in range(1000)]
    command = {"exec": ["/bin/ls", "/m/999/pod.json"], "user": "0", "group": "0"}

    path = pod_manifest(rkt, tmp_path / "pod.json", mounts=mounts, app=command)

    assert rkt("run", "--net=none", f"--pod-manifest={path}").lines() == ["/m/999/pod.json"]


NUL = {"environment": [{"name": "GOOD", "value": "a\0LD_PRELOAD=/evil.so"}]}


def test_nul_in_the_environment_of_an_image_is_refused(rkt: Rktpy, tmp_path: Path) -> None:
    aci = shell_aci(tmp_path / "nul.aci", "example.com/nul", app=NUL)

    check_refusal(rkt.run(aci), "environment variable GOOD must not contain a NUL", "run")


def test_nul_in_the_environment_of_a_pod_is_refused(rkt: Rktpy, tmp_path: Path) -> None:
    command = {"exec": ["/bin/true"], "user": "0", "group": "0"} | NUL
    path = pod_manifest(rkt, tmp_path / "pod.json", app=command)

    done = rkt("run", "--net=none", f"--pod-manifest={path}")

    check_refusal(done, "environment variable GOOD must not contain a NUL", "run")
