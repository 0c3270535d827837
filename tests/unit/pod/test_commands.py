"""``list``, ``status``, ``stop`` and ``cat-manifest`` as a user calls them."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from rktpy.layout import Layout
from rktpy.pod.lifecycle import create, open_pod
from rktpy.pod.phase import Phase
from tests.support.pods import IMAGE_ID, a_pod
from tests.unit.cli.desk import Result, here

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"
OTHER = "1f746094-3438-42bc-ab37-3cf85f132e60"
FULL_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})? [+-]\d{4} \S+"
HEADER = ["UUID", "APP", "IMAGE NAME", "STATE", "CREATED", "STARTED", "NETWORKS"]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(f"{tmp_path}/data")


def rkt(layout: Layout, *words: str) -> Result:
    return here(f"--dir={layout.data}", *words)


def cells(text: str) -> list[list[str]]:
    return [re.split(r"\t+", line) for line in text.splitlines()]


def test_list_shows_one_row_per_app_and_the_pod_once(layout: Layout) -> None:
    a_pod(layout, uuid=UUID, apps=("a", "b"))
    a_pod(layout, Phase.PREPARED, uuid=OTHER)

    header, first, second, third = cells(rkt(layout, "list").stdout)

    assert header == HEADER
    assert first[:4] == [UUID[:8], "a", "example.com/redis:7.0", "exited"]
    assert second[:3] == ["", "b", "example.com/redis:7.0"]
    assert third[:4] == [OTHER[:8], "redis", "example.com/redis:7.0", "prepared"]
    assert third[4] == "now"


def test_full_list_has_whole_uuids_image_ids_and_times_that_parse(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)

    header, row = cells(rkt(layout, "list", "--full").stdout)

    assert header[3] == "IMAGE ID"
    assert row[:4] == [UUID, "redis", "example.com/redis:7.0", IMAGE_ID[:19]]
    assert all(re.fullmatch(FULL_TIME, cell) for cell in row[5:7])


def test_networks_are_the_last_column(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    nets = [
        {"netName": "default", "ip": "172.16.28.2", "ip6": "fd00::2"},
        {"netName": "x", "ip": "fd01::2"},
    ]
    Path(layout.pod(Phase.RUN, UUID).net_info).write_text(json.dumps(nets))

    (row,) = cells(rkt(layout, "list", "--no-legend").stdout)

    assert row[-1] == "default:ip4=172.16.28.2, default:ip6=fd00::2, x:ip6=fd01::2"


def test_a_pod_being_prepared_has_dashes_and_no_age(layout: Layout) -> None:
    with create(layout) as pod:
        (row,) = cells(rkt(layout, "list", "--no-legend").stdout)

    assert row[:5] == [pod.uuid[:8], "-", "-", "preparing", "a long while ago"]


@pytest.mark.parametrize(("option", "text"), [("--no-legend", "\n"), ("--format=json", "null\n")])
def test_no_pods_are_an_empty_line_or_null(layout: Layout, option: str, text: str) -> None:
    assert rkt(layout, "list", option) == Result(0, text, "")


def test_json_has_the_keys_and_units_of_rkt(layout: Layout) -> None:
    a_pod(layout, Phase.EXITED_GARBAGE, uuid=UUID, status=7)

    (pod,) = json.loads(rkt(layout, "list", "--format=json").stdout)

    assert list(pod) == [
        *("name", "state", "app_names", "apps", "created_at", "started_at", "ended_at"),
    ]
    assert abs(pod["created_at"] - time.time()) < 60
    (app,) = pod["apps"]
    assert list(app) == [
        *("name", "state", "created_at", "started_at", "finished_at", "exit_code"),
        *("image_id", "mounts"),
    ]
    assert abs(app["finished_at"] / 1e9 - time.time()) < 60
    assert (app["state"], app["exit_code"]) == ("exited", 7)


def test_a_pod_whose_manifest_a_power_cut_emptied_is_listed(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    Path(layout.pod(Phase.RUN, UUID).manifest).write_text("")

    table = rkt(layout, "list", "--no-legend", "--fields=uuid,state,app")
    (pod,) = json.loads(rkt(layout, "list", "--format=json").stdout)

    assert cells(table.stdout) == [[UUID[:8], "exited", "-"]]
    assert f"the manifest of pod {UUID} is empty, as after a power cut" in table.stderr
    assert (pod["name"], pod["state"]) == (UUID, "exited")
    assert "state=exited" in rkt(layout, "status", UUID).stdout


def test_pods_that_cannot_be_read_are_told_on_stderr_and_left_out(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    a_pod(layout, uuid=OTHER)
    Path(layout.pod(Phase.RUN, UUID).manifest).write_text("{")

    result = rkt(layout, "list", "--no-legend")

    assert result.returncode == 0
    assert [row[0] for row in cells(result.stdout)] == [OTHER[:8]]
    lines = result.stderr.splitlines()
    assert lines[0] == "list: 1 error(s) encountered when listing pods:"
    assert lines[1] == "list: " + "-" * 40
    assert lines[-2:] == ["list:   rkt's appc version: 0.8.11", "list: "]
    assert UUID in result.stderr


def test_json_leaves_out_pods_that_are_being_prepared(layout: Layout) -> None:
    with create(layout):
        result = rkt(layout, "list", "--format=json")

    assert result.stdout == "null\n"
    assert "invalid creation time" in result.stderr


def test_status_of_an_exited_pod_has_its_lines_in_order(layout: Layout) -> None:
    a_pod(layout, uuid=UUID, apps=("a", "b"), status=3)

    lines = rkt(layout, "status", UUID).stdout.splitlines()

    assert [line.partition("=")[0] for line in lines] == [
        *("state", "created", "started", "networks", "pid", "exited", "app-a", "app-b", "ended"),
    ]
    assert lines[0] == "state=exited"
    assert re.fullmatch("created=" + FULL_TIME, lines[1])
    assert lines[3:-1] == ["networks=", "pid=4194304", "exited=true", "app-a=3", "app-b=3"]


def test_status_of_a_running_pod_has_no_exit_codes(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    with open_pod(layout, UUID) as pod:
        pod.acquire(wait=False)
        lines = rkt(layout, "status", UUID).stdout.splitlines()

    assert lines[0] == "state=running"
    assert lines[-2:] == ["pid=4194304", "exited=false"]


def test_status_of_exited_garbage_leaves_the_networks_out(layout: Layout) -> None:
    a_pod(layout, Phase.EXITED_GARBAGE, uuid=UUID)

    text = rkt(layout, "status", UUID).stdout

    assert "networks=" not in text
    assert "state=exited garbage\n" in text
    assert "exited=true\n" in text


def test_status_of_a_prepared_pod_is_short(layout: Layout) -> None:
    a_pod(layout, Phase.PREPARED, uuid=UUID)

    lines = rkt(layout, "status", UUID).stdout.splitlines()

    assert [line.partition("=")[0] for line in lines] == ["state", "created"]


def test_status_of_a_pod_being_prepared_has_go_s_zero_time(layout: Layout) -> None:
    with create(layout) as pod:
        text = rkt(layout, "status", pod.uuid).stdout

    assert text == "state=preparing\ncreated=0001-01-01 00:00:00 +0000 UTC\n"


def test_status_as_json_is_one_object(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)

    pretty = rkt(layout, "status", "--format=json-pretty", UUID).stdout

    assert pretty.startswith('{\n\t"name": "' + UUID)
    assert json.loads(rkt(layout, "status", "--format=json", UUID).stdout) == json.loads(pretty)


def test_uuid_files_are_read_without_surrounding_blanks(layout: Layout, tmp_path: Path) -> None:
    a_pod(layout, uuid=UUID)
    (tmp_path / "uuid").write_text(f" {UUID}\n")

    assert "state=exited" in rkt(layout, "status", f"--uuid-file={tmp_path}/uuid").stdout


@pytest.mark.parametrize(("command", "code"), [("status", 1), ("stop", 1), ("cat-manifest", 254)])
def test_a_missing_uuid_file_is_told(layout: Layout, command: str, code: int) -> None:
    result = rkt(layout, command, "--uuid-file=/nonexistent/f")

    assert result.returncode == code
    assert f"{command}: unable to resolve UUID from file: " in result.stderr


@pytest.mark.parametrize(("command"), ["status", "cat-manifest"])
def test_an_unknown_pod_cannot_be_retrieved(layout: Layout, command: str) -> None:
    result = rkt(layout, command, "1234567890abcdef")

    assert result.returncode == 254
    assert 'problem retrieving pod: no matches found for "1234567890abcdef"' in result.stderr


@pytest.mark.parametrize("command", ["status", "stop", "cat-manifest"])
def test_no_uuid_at_all_shows_the_usage(layout: Layout, command: str) -> None:
    result = rkt(layout, command)

    assert result.returncode == 254
    assert "USAGE" in (result.stdout + result.stderr).upper()


def test_waiting_for_a_pod_that_runs_on_ends_with_the_deadline(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    with open_pod(layout, UUID) as pod:
        pod.acquire(wait=False)
        result = rkt(layout, "status", "--wait=50ms", UUID)

    assert result.returncode == 254
    assert "error waiting for pod to finish: context deadline exceeded" in result.stderr


def test_waiting_for_readiness_ends_with_the_deadline(layout: Layout) -> None:
    a_pod(layout, Phase.PREPARED, uuid=UUID)

    result = rkt(layout, "status", "--wait-ready=50ms", UUID)

    assert result.returncode == 254
    assert "error waiting for pod readiness: context deadline exceeded" in result.stderr


def test_waiting_for_what_has_happened_returns_at_once(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)

    assert rkt(layout, "status", "--wait", UUID).returncode == 0


def test_a_pod_that_ended_will_not_be_ready_even_if_it_once_was(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)

    result = rkt(layout, "status", "--wait-ready", UUID)

    assert result.returncode == 254
    assert f'error waiting for pod readiness: pod "{UUID}" is not running anymore' in result.stderr


def test_the_manifest_is_printed_indented_or_not(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)

    pretty = rkt(layout, "cat-manifest", UUID).stdout
    compact = rkt(layout, "cat-manifest", "--pretty-print=false", UUID).stdout

    assert pretty.startswith('{\n\t"acVersion": "0.8.11",\n')
    assert compact.count("\n") == 1
    assert json.loads(pretty) == json.loads(compact)


def test_a_pod_without_manifest_has_nothing_to_print(layout: Layout) -> None:
    with create(layout) as pod:
        result = rkt(layout, "cat-manifest", pod.uuid)

    assert (result.returncode, result.stdout) == (254, "")
    assert "cannot read the pod manifest" in result.stderr


def test_stopping_a_pod_twice_is_fine(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)

    assert rkt(layout, "stop", UUID) == Result(0, f'pod "{UUID}" is already stopped\n', "")


def test_every_pod_to_stop_is_tried_and_failures_are_counted(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    a_pod(layout, Phase.PREPARED, uuid=OTHER)

    result = rkt(layout, "stop", "nope", OTHER, UUID)

    assert result.returncode == 254
    assert result.stdout == f'pod "{UUID}" is already stopped\n'
    lines = result.stderr.splitlines()
    assert lines[0].startswith('stop: cannot get pod: no matches found for "nope"')
    assert lines[1:] == [f'stop: pod "{OTHER}" is not running', "stop: failed to stop 2 pod(s)"]


def test_a_stage1_without_stop_entry_point_is_told(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)
    Path(layout.pod(Phase.RUN, UUID).stage1_manifest).write_text('{"name": "example.com/stub"}')
    with open_pod(layout, UUID) as pod:
        pod.acquire(wait=False)
        result = rkt(layout, "stop", UUID)

    assert result.returncode == 254
    assert "stop: rkt stop not implemented for pod's stage1: example.com/stub" in result.stderr
