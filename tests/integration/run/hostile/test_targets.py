"""Mounts at places that the image has made into a trap.

Whatever an image holds, nothing beside it is read or written. A pod either runs, with the trick
played out inside its own root, or is refused with status 254 and leaves nothing behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.hostile.images import image, links, volume
from tests.integration.run.images import SHELL
from tests.integration.run.test_bad_input import check_refusal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy


@pytest.mark.parametrize("way", ["--no-overlay=false", "--private-users"])  # nspawn's and ours
@pytest.mark.parametrize(
    "target",
    [
        "/absolute", "/absolute/dir", "/absolute/new", "/relative", "/relative/dir",
        "/relative/../new", "/chain", "/chain/new", "/proc-root/dir", "/proc-cwd/new",
        "/proc-fd/new", "/dangling", "/dangling/new", "/dir", "/dir/../../../absolute/dir",
        "/proc/self/root/new",
    ],
)  # fmt: skip
def test_a_mount_target_stays_in_the_image(
    rkt: Rktpy, tmp_path: Path, host: Path, mine: Path, way: str, target: str
) -> None:
    aci = image(tmp_path, links(host))

    done = rkt.run(
        way, *volume("host", mine, target), aci, "--", "grep -c vol /proc/mounts; exit 7"
    )

    assert done.status == 7, done
    assert (mine / "file").read_text() == "mine\n"


@pytest.mark.parametrize("kind", ["host", "empty"])
@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/loop", "too many levels of symbolic links"),
        ("/loop/new", "too many levels of symbolic links"),
        ("/long0/new", "too many levels of symbolic links"),
        ("/file", "not a directory"),
        ("/file/new", "not a directory"),
        ("/fifo", "not a directory"),
        ("/fifo/new", "not a directory"),
        ("/etc/passwd", "not a directory"),
        ("/" + "n" * 300, "file name too long"),
        ("/" + "d/" * 300, "file name too long"),
    ],
)
def test_a_mount_target_that_cannot_be_is_refused(
    rkt: Rktpy, tmp_path: Path, host: Path, mine: Path, kind: str, target: str, reason: str
) -> None:
    done = rkt.run(*volume(kind, mine, target), image(tmp_path, links(host)))

    check_refusal(done, f'cannot mount volume "vol" at "{target}": {reason}', "run")
    assert rkt.pods() == []


def test_a_file_cannot_cover_a_directory(rkt: Rktpy, tmp_path: Path, mine: Path) -> None:
    done = rkt.run(*volume("host", mine / "file", "/dir"), image(tmp_path, links(tmp_path)))

    check_refusal(done, 'cannot mount volume "vol" at "/dir": is a directory', "run")


@pytest.mark.parametrize("name", ["/new\nline", "/col:on", "/back\\slash", "/per%h", '/qu"o te'])
def test_odd_names_of_mount_targets_are_names(rkt: Rktpy, mine: Path, name: str) -> None:
    script = 'cat "$1/file"'

    done = rkt.run(*volume("host", mine, name), SHELL, "--", script, "sh", name)

    assert (done.status, done.lines()) == (0, ["mine"])
