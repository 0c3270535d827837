"""What is read of a pod, also of a broken one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from rktpy.layout import Layout
from rktpy.pod.lifecycle import PodGoneError, create, open_pod
from rktpy.pod.phase import Phase
from rktpy.pod.state.appstate import AppRecord, exit_codes, is_ready, read_apps
from rktpy.pod.state.record import PodRecord, Recently, read_record
from tests.support.pods import IMAGE_ID, STAGE1_ID, a_manifest, a_pod

SECOND = 10**9


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


def _root(layout: Layout, uuid: str, phase: str = Phase.RUN) -> Path:
    return Path(layout.pod(phase, uuid).root)


def _record(layout: Layout, uuid: str) -> PodRecord:
    return read_record(open_pod(layout, uuid))


def _app(layout: Layout, uuid: str) -> AppRecord:
    pod = open_pod(layout, uuid)
    (app,) = read_apps(pod, read_record(pod))
    return app


def test_names_and_versions_come_from_the_pod_manifest(layout: Layout) -> None:
    record = _record(layout, a_pod(layout, apps=("a", "b")))

    assert [(app.name, app.image_name, app.image_id) for app in record.apps] == [
        ("a", "example.com/redis:7.0", IMAGE_ID),
        ("b", "example.com/redis:7.0", IMAGE_ID),
    ]
    assert record.state == "exited"


def test_creation_and_start_are_times_of_marker_files(layout: Layout) -> None:
    uuid = a_pod(layout)
    os.utime(_root(layout, uuid) / "pod-created", ns=(0, 5 * SECOND))
    os.utime(_root(layout, uuid) / "ppid", ns=(0, 7 * SECOND))

    record = _record(layout, uuid)

    assert (record.created, record.started) == (5 * SECOND, 7 * SECOND)


def test_without_its_marker_a_pod_is_as_old_as_its_manifest(layout: Layout) -> None:
    uuid = a_pod(layout)
    (_root(layout, uuid) / "pod-created").unlink()
    os.utime(_root(layout, uuid) / "pod", ns=(0, 3 * SECOND))

    assert _record(layout, uuid).created == 3 * SECOND


def test_a_pod_being_prepared_has_neither_apps_nor_times(layout: Layout) -> None:
    with create(layout) as pod:
        Path(pod.tree.manifest).write_text("half of a manif")
        record = read_record(pod)

    assert (record.state, record.created, record.apps, record.problems) == ("preparing", 0, [], [])


def test_an_image_without_name_in_the_manifest_is_looked_up_in_the_pod(layout: Layout) -> None:
    uuid = a_pod(layout)
    manifest = a_manifest("redis")
    manifest["apps"][0]["image"] = {"id": IMAGE_ID}  # type: ignore[index]
    (_root(layout, uuid) / "pod").write_text(json.dumps(manifest))
    image = {"name": "example.com/other", "labels": [{"name": "version", "value": "2"}]}
    (_root(layout, uuid) / "appsinfo/redis/manifest").write_text(json.dumps(image))

    assert _record(layout, uuid).apps[0].image_name == "example.com/other:2"


def test_an_image_that_nobody_knows_is_shown_as_dashes(layout: Layout) -> None:
    uuid = a_pod(layout)
    manifest = a_manifest("redis")
    manifest["apps"][0]["image"] = {"id": IMAGE_ID}  # type: ignore[index]
    (_root(layout, uuid) / "pod").write_text(json.dumps(manifest))
    shutil.rmtree(_root(layout, uuid) / "appsinfo")

    record = _record(layout, uuid)

    assert record.apps[0].image_name == "--"
    assert "image manifest of app redis" in record.problems[0].message


@pytest.mark.parametrize(
    "text", ["{", "[]", "null", '{"apps": 3}', '{"apps": [{}]}', '{"apps": ["x"]}', "\xff"]
)
def test_a_broken_manifest_is_a_problem_of_that_pod(layout: Layout, text: str) -> None:
    uuid = a_pod(layout)
    (_root(layout, uuid) / "pod").write_bytes(text.encode("latin-1"))

    record = _record(layout, uuid)

    assert record.apps == []
    assert [problem.message for problem in record.problems] == [
        f"unable to read pod {uuid} manifest"
    ]


def test_equal_manifests_are_understood_once_and_different_ones_apart(layout: Layout) -> None:
    recently = Recently()
    pods = [open_pod(layout, a_pod(layout, apps=apps)) for apps in (("a",), ("b",), ("a",))]

    names = [read_record(pod, recently).apps[0].name for pod in pods]

    assert names == ["a", "b", "a"]
    assert len(recently.known) == 2


def test_networks_are_shown_with_the_keys_of_rkt(layout: Layout) -> None:
    uuid = a_pod(layout)
    nets = [{"netName": "default", "ip": "172.16.28.2", "extra": 1}]
    (_root(layout, uuid) / "net-info.json").write_text(json.dumps(nets))

    (net,) = _record(layout, uuid).networks

    assert net["netName"] == "default"
    assert list(net) == ["netName", "netConf", "pluginPath", "ifName", "ip", "args", "mask"]


def test_a_network_of_both_families_has_a_key_of_ours_beside(layout: Layout) -> None:
    uuid = a_pod(layout)
    nets = [{"netName": "default", "ip": "172.16.28.2", "ip6": "fd00::2"}]
    (_root(layout, uuid) / "net-info.json").write_text(json.dumps(nets))

    (net,) = _record(layout, uuid).networks

    assert list(net.items())[-2:] == [("mask", ""), ("ip6", "fd00::2")]


def test_a_pod_moved_while_it_is_read_is_followed(layout: Layout) -> None:
    seen = open_pod(layout, a_pod(layout))
    open_pod(layout, seen.uuid).move(Phase.EXITED_GARBAGE)

    record = read_record(seen)

    assert record.state == "exited garbage"
    assert record.marked > 0


def test_a_pod_that_vanished_is_gone(layout: Layout) -> None:
    seen = open_pod(layout, a_pod(layout))
    shutil.rmtree(seen.path)

    with pytest.raises(PodGoneError):
        read_record(seen)


@pytest.mark.parametrize(
    ("phase", "status", "state", "code"),
    [
        (Phase.PREPARED, None, "created", None),
        (Phase.RUN, None, "exited", None),
        (Phase.RUN, 7, "exited", 7),
        (Phase.EXITED_GARBAGE, 255, "exited", 255),
    ],
)
def test_an_app_of_a_fixed_pod_is_as_far_as_its_pod(
    layout: Layout, phase: str, status: int | None, state: str, code: int | None
) -> None:
    app = _app(layout, a_pod(layout, phase, status=status))

    assert (app.state, app.exit_code) == (state, code)
    assert (app.finished is not None) == (status is not None)


def test_an_app_of_a_running_pod_runs_until_it_has_a_status(layout: Layout) -> None:
    uuid = a_pod(layout, status=None)
    with open_pod(layout, uuid) as pod:
        pod.acquire(wait=False)
        assert _app(layout, uuid).state == "running"
        (Path(pod.path) / f"overlay/{STAGE1_ID}/upper/rkt/status").mkdir()
        (Path(pod.path) / f"overlay/{STAGE1_ID}/upper/rkt/status/redis").write_text("3")
        assert _app(layout, uuid).state == "exited"


def test_mounts_take_source_and_mode_from_the_volume(layout: Layout) -> None:
    assert _app(layout, a_pod(layout)).mounts == [
        {
            "name": "data",
            "container_path": "/data",
            "host_path": "/srv/data",
            "read_only": True,
        }
    ]


def test_a_mutable_pod_tells_each_step_of_an_app_by_a_marker(layout: Layout) -> None:
    uuid = a_pod(layout, status=None)
    root = _root(layout, uuid)
    text = (root / "pod").read_text().replace('"value": "false"', '"value": "true"')
    (root / "pod").write_text(text)
    status = root / f"overlay/{STAGE1_ID}/upper/rkt/status"
    status.mkdir()
    with open_pod(layout, uuid) as pod:
        pod.acquire(wait=False)
        seen = [_app(layout, uuid).state]
        for name in ("redis-created", "redis-started", "redis"):
            (status / name).write_text("4")
            seen.append(_app(layout, uuid).state)

    assert seen == ["unknown", "created", "running", "exited"]
    assert _app(layout, uuid).exit_code == 4


def test_statuses_of_a_pod_without_overlay_are_in_its_tree(layout: Layout) -> None:
    uuid = a_pod(layout)
    root = _root(layout, uuid)
    (root / "overlay-prepared").unlink()
    (root / "stage1/rootfs/rkt/status").mkdir(parents=True)
    (root / "stage1/rootfs/rkt/status/redis").write_text("9\n")

    assert exit_codes(open_pod(layout, uuid)) == {"redis": 9}


def test_what_an_app_puts_in_place_of_its_status_neither_blocks_nor_leads_away(
    layout: Layout, tmp_path: Path
) -> None:
    uuid = a_pod(layout, apps=("a", "b", "c"), status=None)
    status = _root(layout, uuid) / f"overlay/{STAGE1_ID}/upper/rkt/status"
    status.mkdir()
    (tmp_path / "secret").write_text("42")
    os.mkfifo(status / "a")
    (status / "b").symlink_to(tmp_path / "secret")
    (status / "c").write_text("9" * 5000)

    assert exit_codes(open_pod(layout, uuid)) == {}


def test_a_pod_is_ready_when_stage1_says_so(layout: Layout) -> None:
    pod = open_pod(layout, a_pod(layout))
    assert is_ready(pod)

    link = Path(pod.path) / f"overlay/{STAGE1_ID}/upper/rkt/supervisor-status"
    link.unlink()
    link.symlink_to("starting")

    assert not is_ready(pod)
