"""Many at once: every pod ends as it should, one image is stored once."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.rk import PATIENCE, Rktpy

if TYPE_CHECKING:
    from pathlib import Path

PODS = 30
FETCHES = 20


def started(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_thirty_pods_of_one_image_all_end_right(rkt: Rktpy) -> None:
    pods = [
        started(rkt.argv("run", "--net=none", SHELL, "--", f"echo pod {number}; exit {number}"))
        for number in range(PODS)
    ]
    ends = [pod.communicate(timeout=PATIENCE) for pod in pods]

    assert [pod.returncode for pod in pods] == list(range(PODS))
    assert [err for _, err in ends] == [""] * PODS
    for number, (out, _) in enumerate(ends):
        assert out.rstrip().endswith(f"]: pod {number}")
    listed = rkt.ok("list", "--full", "--no-legend").splitlines()
    assert sum("\texited\t" in line for line in listed) == PODS
    statuses = sorted(int(rkt.status(line.split("\t")[0])["app-shell"]) for line in listed)
    assert statuses == list(range(PODS))


def test_pods_start_while_others_are_collected(rkt: Rktpy) -> None:
    collectors, statuses = [], []
    for number in range(8):
        pod = started(rkt.argv("run", "--net=none", SHELL, "--", f"exit {number}"))
        collectors.append(started(rkt.argv("gc", "--grace-period=0s", "--expire-prepared=0s")))
        collectors.append(started(rkt.argv("list")))
        pod.communicate(timeout=PATIENCE)
        statuses.append(pod.returncode)
    said = [one.communicate(timeout=PATIENCE)[1] for one in collectors]

    assert statuses == list(range(8))
    assert [one.returncode for one in collectors] == [0] * len(collectors), said


def test_twenty_fetches_of_one_file_store_it_once(tmp_path: Path) -> None:
    rkt = Rktpy(tmp_path / "data")
    image = shell_aci(tmp_path / "image.aci", "example.com/wanted")

    fetches = [started(rkt.argv("fetch", "--full", image)) for _ in range(FETCHES)]
    ends = [fetch.communicate(timeout=PATIENCE) for fetch in fetches]

    assert [fetch.returncode for fetch in fetches] == [0] * FETCHES, ends
    assert len({out for out, _ in ends}) == 1
    assert rkt.ok("image", "list", "--no-legend").count("\n") == 1
    blobs = [path for path in (rkt.data / "cas/blob").rglob("*") if path.is_file()]
    assert len(blobs) == 1
    assert list((rkt.data / "cas/tmp").iterdir()) == []


def test_the_first_runs_on_a_host_may_come_together(
    tmp_path: Path, image_files: dict[str, Path]
) -> None:
    """Each would make stage1; the store keeps one."""
    rkt = Rktpy(tmp_path / "data")
    words = rkt.argv("run", "--net=none", image_files["shell"], "--", "echo hello; exit 9")

    pods = [started(words) for _ in range(4)]
    ends = [pod.communicate(timeout=PATIENCE) for pod in pods]

    assert [pod.returncode for pod in pods] == [9] * 4, ends
    assert rkt.ok("image", "list", "--no-legend").count("\n") == 2
    assert rkt.collect().status == 0
    assert rkt.pods() == []
