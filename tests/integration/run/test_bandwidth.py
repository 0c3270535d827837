"""``resource/network-bandwidth`` limits the links of a pod, or says why not."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.test_limits import isolators, only_pod, pod_manifest, status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

NAME = "resource/network-bandwidth"
HELD = (True, "token buckets on the pod's links")


def bandwidth(limit: str) -> dict[str, Any]:
    return {"name": NAME, "value": {"default": True, "limit": limit}}


def image(tmp_path: Path, name: str, limit: str) -> Path:
    app = {"isolators": [bandwidth(limit)]}
    return shell_aci(tmp_path / f"{name}.aci", f"example.com/{name}", app=app)


def rates(*words: str) -> list[int]:
    """Return the bytes a second of all token buckets."""
    found = json.loads(subprocess.check_output(["tc", "-j", *words, "qdisc", "show"]))
    return [one["options"]["rate"] for one in found if one["kind"] == "tbf"]


def fates(rkt: Rktpy, uuid: str) -> list[tuple[bool, str]]:
    return [
        (one["enforced"], one["by"])
        for app in isolators(rkt, uuid).values()
        for one in app
        if one["name"] == NAME
    ]


def test_apps_have_the_sum_of_their_limits(rkt: Rktpy, tmp_path: Path) -> None:
    one, two = image(tmp_path, "one", "1M"), image(tmp_path, "two", "500k")
    sleep = ("--", "sleep 300")
    with rkt.start("run", "--net=default", one, *sleep, "---", two, *sleep) as pod:
        uuid = pod.ready()

        assert rates() == rates("-n", f"cni-{uuid}") == [1_500_000]
        assert fates(rkt, uuid) == [HELD] * 2
        rkt.ok("stop", uuid)


def test_an_app_without_limit_leaves_the_pod_without(rkt: Rktpy, tmp_path: Path) -> None:
    one = image(tmp_path, "one", "1M")
    done = rkt("run", "--net=default", one, "--", "true", "---", SHELL, "--", "true")

    assert "not enforced here (apps share the pod's networks, and not all" in done.err
    assert rates() == []
    strict = rkt("run", "--net=default", "--strict-isolators", one, "---", SHELL, "--", "true")
    assert strict.status == 254


def test_a_limit_of_the_pod(rkt: Rktpy, tmp_path: Path) -> None:
    path = pod_manifest(rkt, tmp_path / "pod.json", "sleep 300", bandwidth("2M"))
    with rkt.start("run", "--net=default", f"--pod-manifest={path}") as pod:
        uuid = pod.ready()
        found = {one["name"]: one for one in status(rkt, uuid)["isolators"]}[NAME]

        assert rates() == [2_000_000]
        assert (found["enforced"], found["by"]) == HELD
        rkt.ok("stop", uuid)


def test_without_a_network_or_with_the_hosts_nothing_is_limited(rkt: Rktpy, tmp_path: Path) -> None:
    one = image(tmp_path, "one", "1M")
    for net, why in (("none", "the pod joins no network"), ("host", "is in the caller's network")):
        done = rkt("run", f"--net={net}", one, "--", "true")

        assert f"{why})" in done.err
        assert fates(rkt, only_pod(rkt))[0][0] is False
        rkt.collect()
