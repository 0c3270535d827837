"""Rows about pods that need none to run, with the expressions rkt's harness used (12.1, 12.8)."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from rktpy.host.lock import lock_dir
from rktpy.layout import Layout
from rktpy.pod.lifecycle import pods
from rktpy.pod.phase import ALL_PHASES, Phase
from tests.support.pods import IMAGE_ID, a_pod
from tests.unit.cli.desk import Result, here

if TYPE_CHECKING:
    from pathlib import Path

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path / "data"))


def rkt(layout: Layout, *words: str) -> Result:
    return here(f"--dir={layout.data}", *words)


def seconds(text: str) -> float:
    """Parse a full time as rkt's tests do; the fraction may be missing."""
    moment = re.fullmatch(r"(\S+ [0-9:]+)(\.\d{1,3})? ([+-]\d{4}) \S+", text)
    assert moment
    return datetime.strptime(f"{moment[1]} {moment[3]}", "%Y-%m-%d %H:%M:%S %z").timestamp()


def test_created_and_started_stand_before_the_last_column(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)

    output = rkt(layout, "list", "--full").stdout
    found = re.search(rf".*{IMAGE_ID[:19]}\t.*\t(.*)\t(.*)\t", output)

    assert found
    assert all(abs(seconds(cell.strip()) - time.time()) < 60 for cell in found.groups())


def test_status_lines_are_what_the_harness_splits(layout: Layout) -> None:
    a_pod(layout, uuid=UUID, apps=("one", "two"), status=7)

    lines = rkt(layout, "status", UUID).stdout.splitlines()
    fields = dict(line.split("=", 1) for line in lines)

    assert fields["state"] == "exited"
    assert seconds(fields["created"]) > 0
    apps = [line for line in lines if re.match(r"^app-(one|two).*=[0-9]*$", line)]
    assert [line.partition("=")[2] for line in apps] == ["7", "7"]


def test_only_the_uuid_looks_like_a_uuid(layout: Layout) -> None:
    a_pod(layout, uuid=UUID)

    assert re.findall(r"[0-9a-f-]{36}", rkt(layout, "list", "--full").stdout) == [UUID]


def test_a_uuid_file_stands_for_the_uuid(layout: Layout, tmp_path: Path) -> None:
    a_pod(layout, Phase.PREPARED, uuid=UUID)
    file = tmp_path / "uuid"
    file.write_text(UUID)

    status = rkt(layout, "status", f"--uuid-file={file}")
    manifest = rkt(layout, "cat-manifest", f"--uuid-file={file}", "--pretty-print=false")

    assert re.search("state=prepared", status.stdout)
    assert manifest.returncode == 0
    assert re.search("example.com/redis", manifest.stdout)
    assert re.search(IMAGE_ID[:20], manifest.stdout)


@pytest.mark.parametrize(
    ("command", "context"),
    [
        ("status", "problem retrieving pod"),
        ("cat-manifest", "problem retrieving pod"),
        ("stop", "cannot get pod"),
    ],
)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1234567890ABCDEF", 'no matches found for "1234567890abcdef"'),
        ("", "UUID cannot be empty"),
        ("0f", "ambiguous uuid, 2 matches"),
    ],
)
def test_every_command_refuses_a_uuid_in_the_same_words(
    layout: Layout, command: str, context: str, text: str, reason: str
) -> None:
    a_pod(layout, uuid=UUID)
    a_pod(layout, Phase.PREPARED, uuid=UUID.replace("e60", "e61"))

    result = rkt(layout, command, text)

    assert (result.returncode, result.stdout) == (254, "")
    assert result.stderr.startswith(f"{command}: {context}: {reason}")


def test_one_walk_meets_each_pod_once(layout: Layout) -> None:
    made = {phase: a_pod(layout, phase) for phase in (Phase.RUN, Phase.EXITED_GARBAGE)}
    running, deleting = a_pod(layout), a_pod(layout, Phase.EXITED_GARBAGE)

    with (
        lock_dir(layout.pod(Phase.RUN, running).root),
        lock_dir(layout.pod(Phase.EXITED_GARBAGE, deleting).root),
    ):
        seen = {pod.uuid: pod.state() for pod in pods(layout, ALL_PHASES)}

    assert seen == {
        made[Phase.RUN]: "exited",
        made[Phase.EXITED_GARBAGE]: "exited garbage",
        running: "running",
        deleting: "exited deleting",
    }
