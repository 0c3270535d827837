"""What cannot work is refused: status 254, one line that says why, nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.killing import tree_of
from tests.integration.run.rk import PATIENCE, Done, Rktpy
from tests.support.command import run as command
from tests.support.hostile import hostile_images

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.hostile import Hostile

UNKNOWN = "0f746094-3438-42bc-ab37-3cf85f132e60"
# One of each kind; tests/integration/support fetches them all.
HOSTILE = ("truncated tar", "empty tar", "no manifest", "no rootfs", "dot dot", "hard link to host",
           "through a symlink", "duplicate file", "manifest no acKind", "bomb")  # fmt: skip
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs")


def check_refusal(done: Done, text: str, leaf: str) -> None:
    """One line, from the command, with ``text`` in it and no sign of a bug.

    Verbs that take several pods sum up in a line more, and a command line that cannot be read
    shows the usage on standard output, both as rkt does.
    """
    assert done.status == 254, done
    line, _, more = done.err.partition("\n")
    assert text in line
    assert "internal error" not in line
    assert line.startswith((f"{leaf}: ", "Error: ")), line
    assert done.out == "" or line.startswith("Error: "), done
    assert more == "" or more.startswith(f"{leaf}: failed to "), done


@pytest.mark.parametrize("verb", ["run", "prepare", "fetch"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("./missing.aci", "no such file or directory"),
        ("./", "invalid image string"),
        ("./folder.aci", "directory"),
        ("example.com/never-fetched", "example.com/never-fetched"),
        ("sha512-0123456789abcdef0123", "sha512-0123456789abcdef0123"),
        ("UPPER", "UPPER"),
    ],
)
def test_an_image_that_is_not_there(
    rkt: Rktpy, tmp_path: Path, verb: str, name: str, text: str
) -> None:
    os.chdir(tmp_path)
    (tmp_path / "folder.aci").mkdir()
    before = tree_of(rkt.data)

    done = rkt(verb, name)

    check_refusal(done, text, verb)
    assert tree_of(rkt.data) == before


@pytest.mark.parametrize("verb", ["run", "prepare"])
@pytest.mark.parametrize(
    "image", [i for i in hostile_images() if i.name in HOSTILE], ids=lambda image: image.name
)
def test_a_hostile_image(rkt: Rktpy, tmp_path: Path, image: Hostile, verb: str) -> None:
    path = image.write(tmp_path)
    before = tree_of(rkt.data)

    check_refusal(rkt(verb, path), path.name, verb)

    assert tree_of(rkt.data) == before


def test_all_hostile_images_have_their_name() -> None:
    assert {image.name for image in hostile_images()} >= set(HOSTILE)


@pytest.mark.parametrize("verb", ["status", "cat-manifest", "enter", "rm", "stop", "run-prepared"])
@pytest.mark.parametrize(
    ("uuid", "text"),
    [(UNKNOWN, f'no matches found for "{UNKNOWN}"'), ("zz", 'no matches found for "zz"')],
)
def test_an_unknown_uuid(rkt: Rktpy, verb: str, uuid: str, text: str) -> None:
    check_refusal(rkt(verb, uuid), text, verb)


@pytest.mark.parametrize("verb", ["status", "cat-manifest", "enter", "rm", "stop", "run-prepared"])
def test_an_empty_uuid(rkt: Rktpy, verb: str) -> None:
    check_refusal(rkt(verb, ""), "UUID cannot be empty", verb)


def test_an_ambiguous_uuid(rkt: Rktpy) -> None:
    uuids = [rkt.prepare(SHELL)]
    while len({uuid[0] for uuid in uuids}) == len(uuids):  # at most sixteen
        uuids.append(rkt.prepare(SHELL))
    prefix = uuids[-1][0] if [u[0] for u in uuids].count(uuids[-1][0]) > 1 else uuids[0][0]

    for verb in ("status", "run-prepared", "rm"):
        check_refusal(rkt(verb, prefix), "ambiguous uuid, 2 matches", verb)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("run", "--no-such-flag", SHELL), "unknown flag: --no-such-flag"),
        (("run", SHELL, "--no-such-flag"), "unknown flag: --no-such-flag"),
        (("run",), "must provide at least one image or specify the pod manifest"),
        (("run", SHELL, SHELL), "shell"),
        (("run", "--volume=x", SHELL), "x"),
        (("run", "--volume=x,kind=host,source=relative", SHELL), "relative"),
        (("run", "--mount=volume=x,target=/x", SHELL), 'volume "x" not found'),
        (("run", "--set-env=novalue", SHELL), "key=value"),
        (("run", SHELL, "--memory=1"), "memory limit of 1 bytes too low"),
        (("run", SHELL, "--cpu=much"), "much"),
        (("run", SHELL, "--caps-retain=CAP_KILL,CAP_X"), 'unknown capability "CAP_X" of app'),
        (("run", SHELL, "--caps-remove=KILL"), 'unknown capability "KILL" of app "shell"'),
        (("run", SHELL, "--annotation=rktpy/app/restart=yes"), 'app "shell" is "yes"'),
        (("run", SHELL, "--annotation=rktpy/docker/stop-signal=NO"), 'app "shell" is "NO"'),
        (("run", SHELL, "--name=UPPER"), "invalid app name format"),
        (("run", "--pod-manifest=/none"), "/none"),
        (("run", "--pod-manifest=/dev/null", SHELL), "conflicting flags set with --pod-manifest"),
        (("run", "--net=no-such-net", SHELL), "no-such-net"),
        (("run", "--interactive", SHELL, INSPECT), "interactive option only supports one image"),
        (("prepare",), "must provide at least one image or specify the pod manifest"),
        (("run-prepared",), "1 argument"),
    ],
)
def test_a_command_line_that_makes_no_sense(rkt: Rktpy, words: tuple[str, ...], text: str) -> None:
    before = tree_of(rkt.data)

    check_refusal(rkt(*words), text, words[0])

    assert tree_of(rkt.data) == before


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that everybody can reach."""
    path = Path(tempfile.mkdtemp(prefix="rktpy-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def as_nobody(rkt: Rktpy, *args: str | Path) -> Done:
    done = subprocess.run(
        [*NOBODY, *rkt.argv(*args)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ("run", SHELL), ("prepare", SHELL), ("run-prepared", UNKNOWN), ("enter", UNKNOWN),
        ("gc",), ("rm", UNKNOWN), ("run", "./missing.aci"),
    ],
)  # fmt: skip
def test_somebody_else_than_root(open_dir: Path, words: tuple[str, ...]) -> None:
    rkt = Rktpy(open_dir / "data")

    check_refusal(as_nobody(rkt, *words), "cannot run as unprivileged user", words[0])

    assert not rkt.data.exists()


def test_somebody_else_in_the_data_directory_of_root(
    open_dir: Path, image_files: dict[str, Path]
) -> None:
    rkt = Rktpy(open_dir / "data")
    rkt.ok("fetch", image_files["shell"])
    image = open_dir / "new.aci"
    shutil.copyfile(image_files["inspect"], image)
    before = tree_of(rkt.data)

    done = as_nobody(rkt, "fetch", image)

    check_refusal(done, "ermission denied", "fetch")
    assert tree_of(rkt.data) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MiB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command(["mount", "-t", "tmpfs", "-o", "size=160m,nr_inodes=20k,mode=755", "tmpfs", str(disk)])
    yield disk
    command(["umount", str(disk)])


def fill(disk: Path, leave: int) -> Path:
    """Leave just ``leave`` bytes free; return the file that takes the rest."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free.f_bavail * free.f_frsize - leave, 1))
    return filler


@pytest.mark.parametrize("leave", [0, 4096, 16384, 65536, 131072, 1 << 20])
@pytest.mark.parametrize("verb", ["fetch", "prepare", "run"])
def test_a_full_disk(small_disk: Path, image_files: dict[str, Path], verb: str, leave: int) -> None:
    rkt = Rktpy(small_disk / "data")
    rkt.ok("fetch", image_files["inspect"])
    assert rkt.run(INSPECT).status == 0
    rkt.ok("gc", "--grace-period=0s")
    image = image_files["shell"] if verb == "fetch" else INSPECT
    words = [verb, "--net=none", image] if verb == "run" else [verb, image]
    before = tree_of(rkt.data)
    filler = fill(small_disk, leave)

    done = rkt(*words)

    if done.status == 254:
        check_refusal(done, "o space left on device", verb)
        assert _but_locks(tree_of(rkt.data)) == _but_locks(before)
    else:
        assert leave >= 4096
    filler.unlink()
    assert rkt(*words).status == 0
    assert rkt.collect().status == 0
    assert rkt.pods() == []


@pytest.mark.parametrize("words", [("run", SHELL), ("prepare", SHELL), ("fetch", "IMAGE")])
def test_a_read_only_data_directory(
    small_disk: Path, image_files: dict[str, Path], words: tuple[str, ...]
) -> None:
    rkt = Rktpy(small_disk / "data")
    rkt.ok("fetch", image_files["shell"])
    command(["mount", "-o", "remount,ro", str(small_disk)])
    given = [image_files["inspect"] if word == "IMAGE" else word for word in words]

    done = rkt(*given)

    check_refusal(done, "ead-only file system", words[0])
    assert rkt("list").status == 0
    assert rkt("image", "list").status == 0


def _but_locks(tree: dict[str, int | None]) -> dict[str, int | None]:
    return {path: what for path, what in tree.items() if "locks/" not in path}
