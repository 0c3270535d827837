"""Which apps are known to open their output by name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.pod.app.streams import STREAM_ANNOTATION, reopens_streams
from tests.unit.pod.annotated import with_annotation

if TYPE_CHECKING:
    from pathlib import Path

PLAIN, _ = with_annotation("other", None, None)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "rootfs/var/log"
    path.mkdir(parents=True)
    return path


def reopens(logs: Path) -> bool:
    return reopens_streams(PLAIN, str(logs.parents[1]))


@pytest.mark.parametrize(
    "target",
    ["/dev/stdout", "/dev/stderr", "/dev/fd/2", "/proc/self/fd/1", "../../dev/stdout"],
)
@pytest.mark.parametrize("place", ["access.log", "nginx/access.log"])
def test_a_link_to_an_output_among_the_logs_says_so(logs: Path, place: str, target: str) -> None:
    link = logs / place
    link.parent.mkdir(exist_ok=True)
    up = "../" if link.parent != logs and target.startswith("..") else ""
    link.symlink_to(up + target)

    assert reopens(logs)


@pytest.mark.parametrize(
    "target", ["/dev/null", "/dev/stdin", "/dev/fd/3", "access.log", "/var/log/dev/stdout"]
)
def test_other_links_do_not(logs: Path, target: str) -> None:
    (logs / "access.log").symlink_to(target)

    assert not reopens(logs)


def test_a_link_two_levels_down_or_a_file_is_not_looked_for(logs: Path) -> None:
    (logs / "a/b").mkdir(parents=True)
    (logs / "a/b/access.log").symlink_to("/dev/stdout")
    (logs / "stdout").write_text("/dev/stdout")

    assert not reopens(logs)


def test_an_image_without_logs_does_not(tmp_path: Path) -> None:
    assert not reopens_streams(PLAIN, str(tmp_path))


def test_links_that_lead_out_of_the_image_are_not_followed(tmp_path: Path, logs: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "access.log").symlink_to("/dev/stdout")
    (logs / "nginx").symlink_to(outside)
    assert not reopens(logs)

    (logs / "nginx").unlink()
    logs.rmdir()
    logs.symlink_to(outside)
    assert not reopens(logs)


def test_a_huge_directory_is_not_read_to_its_end(logs: Path, tmp_path: Path) -> None:
    """The link is the last entry: by its name, or because it came first."""
    names = [f"{number}" for number in range(500)]
    for name in names:
        os.mknod(tmp_path / name)
    last = [name for name in os.listdir(tmp_path) if name in names][-1]
    os.symlink("/dev/stdout", logs / last)
    for name in names:
        if name != last:
            os.mknod(logs / name)

    assert os.listdir(logs)[-1] == last
    assert not reopens(logs)


@pytest.mark.parametrize(
    ("name", "mode", "answer"),
    [("stdout", "stream", True), ("stderr", "stream", True), ("stdin", "stream", False),
     ("stdout", "tty", False), ("stdout", "log", False)],
)  # fmt: skip
def test_the_user_can_say_so(tmp_path: Path, name: str, mode: str, *, answer: bool) -> None:
    runtime, _ = with_annotation(STREAM_ANNOTATION + name, mode, None)

    assert reopens_streams(runtime, str(tmp_path)) is answer
