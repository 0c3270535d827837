"""``events`` as its users see it, of pods that are on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.pod.phase import Phase
from tests.support.pods import STAGE1_ID, a_pod
from tests.unit.cli.desk import here

if TYPE_CHECKING:
    from tests.unit.cli.desk import Result

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"
SECOND = 1_000_000_000
TIMES = {
    "pod-created": 100,
    "ppid": 110,
    f"overlay/{STAGE1_ID}/upper/rkt/supervisor-status": 120,
    f"overlay/{STAGE1_ID}/upper/rkt/status/redis": 130.5,
}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A data directory with one pod, which exited with 3 a few decades ago."""
    layout = Layout(str(tmp_path / "data"))
    a_pod(layout, uuid=UUID, status=3)
    root = layout.pod(Phase.RUN, UUID).root
    manifest = json.loads(Path(root, "pod").read_text())
    manifest["userLabels"] = {"note": "two words\nand a line", "tier": "front"}
    manifest["annotations"].append({"name": "rktpy/pod-name", "value": "web"})
    Path(root, "pod").write_text(json.dumps(manifest))
    for name, at in TIMES.items():
        os.utime(f"{root}/{name}", ns=(int(at * SECOND),) * 2, follow_symlinks=False)
    return layout


def events(layout: Layout, *words: str) -> Result:
    return here(f"--dir={layout.data}", "events", "--no-stream", *words, program="rktpy")


def test_a_line_says_when_what_and_of_whom(layout: Layout) -> None:
    done = events(layout, "--since=1")
    lines = done.stdout.splitlines()

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(" pod ")[2].split()[:1] for line in lines if " pod " in line] == [
        ["preparing"], ["started"], ["ready"], ["exited"],
    ]  # fmt: skip
    assert lines[0].startswith("1970-01-01 ")
    labels = "labels=note=two\\x20words\\nand\\x20a\\x20line,tier=front"
    assert lines[3].endswith(f" app exited {UUID} app=redis name=web status=3 {labels}")
    assert lines[4].endswith(f" pod exited {UUID} name=web status=3 {labels}")


def test_json_is_an_object_a_line(layout: Layout) -> None:
    done = events(layout, "--since=130", "--format=json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    common = {
        "time": "1970-01-01T00:02:10.500000Z",
        "time_ns": 130_500_000_000,
        "event": "exited",
        "name": UUID,
        "pod_name": "web",
        "user_labels": {"note": "two words\nand a line", "tier": "front"},
        "exit_code": 3,
    }

    assert found == [
        common | {"type": "app", "app": "redis", "oom_killed": False},
        common | {"type": "pod"},
    ]


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ((), []),
        (("--since=105",), ["started", "ready", "exited", "exited"]),
        (("--since=111", "--until=125"), ["ready"]),
        (("--since=1", "--count=2"), ["preparing", "started"]),
        (("--since=1", "--filter=type=app"), ["exited"]),
        (("--since=1", "--filter=pod=we"), []),
        (("--since=131",), []),
    ],
)
def test_what_was_asked_for_is_told(
    layout: Layout, options: tuple[str, ...], steps: list[str]
) -> None:
    done = events(layout, *options, "--format=json")

    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == steps


def test_an_end_of_which_nobody_knows_the_time_is_later_than_its_start(layout: Layout) -> None:
    Path(layout.pod(Phase.RUN, UUID).root, "overlay", STAGE1_ID, "upper/rkt/status/redis").unlink()
    told = events(layout, "--since=1", "--format=json")
    later = events(layout, "--since=200", "--format=json")

    last = json.loads(told.stdout.splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("exited", None)
    assert later.stdout == ""


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--since=soon", 'events: "soon" is not a time'),
        ("--until=soon", 'events: "soon" is not a time'),
        ("--count=-1", "must not be negative"),
        ("--filter=color=red", 'invalid filter "color=red" (write KEY=VALUE, with KEY '),
    ],
)
def test_what_cannot_be_understood_is_refused(layout: Layout, option: str, words: str) -> None:
    done = events(layout, option)

    assert done.returncode == 254
    assert words in done.stderr
