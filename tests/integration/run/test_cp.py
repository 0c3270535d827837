"""``cp`` between the host and pods, friendly and hostile ones."""

from __future__ import annotations

import fcntl
import io
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL
from tests.integration.run.rk import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

STATES = ("running", "ended", "copied", "mapped")


@pytest.fixture(params=STATES)
def pod(rkt: Rktpy, request: pytest.FixtureRequest) -> Iterator[str]:
    """A pod ``box`` that runs, has ended, has copies for overlays, or has a user namespace."""
    made = "mkdir /made; echo inside >/made/file; ln -s made /link; ln -s /made/file /abs"
    options = {"copied": ["--no-overlay"], "mapped": ["--private-users"]}.get(request.param, [])
    start = ["run", "--pod-name=box", *options, SHELL, "--"]
    if request.param == "ended":
        assert rkt(*start[:1], "--net=none", *start[1:], made).status == 0
        yield "box"
        return
    with rkt.start(*start, f"{made}; echo done; sleep 300") as running:
        running.says("done")
        yield "box"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A directory ``dir`` with ``file``, ``sub/deep`` and a link that leads out of it."""
    (tmp_path / "dir/sub").mkdir(parents=True)
    (tmp_path / "dir/file").write_text("outside")
    (tmp_path / "dir/sub/deep").write_text("deep")
    (tmp_path / "dir/passwd").symlink_to("/etc/passwd")
    return tmp_path


def inside(rkt: Rktpy, path: str) -> dict[str, tarfile.TarInfo]:
    """Return what there is below ``path`` in the pod ``box``."""
    done = subprocess.run(
        rkt.argv("cp", "--archive", f"box:{path}", "-"), capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        return {info.name: info for info in archive}


@pytest.mark.parametrize("pod", ["running", "ended"], indirect=True)
@pytest.mark.parametrize(
    ("source", "target", "made"),
    [
        ("dir/file", "box:/tmp", "tmp/file"),
        ("dir/file", "box:tmp/", "tmp/file"),
        ("dir/file", "box:/tmp/new", "tmp/new"),
        ("dir/file", "box/shell:/made/file", "made/file"),
        ("dir/file", "box:/link/other", "made/other"),
        ("dir/file", "box:/abs", "made/file"),
        ("dir", "box:/tmp", "tmp/dir/file"),
        ("dir", "box:/tmp/new", "tmp/new/file"),
        ("dir/", "box:/tmp/new/", "tmp/new/file"),
        ("dir/.", "box:/tmp", "tmp/file"),
        ("dir/.", "box:/made", "made/file"),
    ],
)
def test_where_a_copy_goes(
    rkt: Rktpy, pod: str, host: Path, source: str, target: str, made: str
) -> None:
    rkt.ok("cp", f"{host}/{source}", target)
    rkt.ok("cp", f"{pod}:{made}", host / "back")

    assert (host / "back").read_text() == "outside"
    top = made.split("/", 1)[0]
    assert {(info.uid, info.gid) for info in inside(rkt, f"/{top}").values()} == {(0, 0)}


@pytest.mark.parametrize("pod", ["running"], indirect=True)
@pytest.mark.parametrize(
    ("source", "target", "made"),
    [
        ("box:/made/file", "new", "new"),
        ("box:/made/file", "dir", "dir/file"),
        ("box:/made", "new", "new/file"),
        ("box:/made", "dir", "dir/made/file"),
        ("box:/made/.", "dir", "dir/file"),
        ("box:/link/", "new", "new/file"),
        ("box:/link/file", "new", "new"),
    ],
)
def test_a_copy_out_belongs_to_the_caller(
    rkt: Rktpy, pod: str, host: Path, source: str, target: str, made: str
) -> None:
    assert pod == "box"
    rkt.ok("cp", source, host / target)

    assert (host / made).read_text() == "inside\n"
    assert (host / made).stat().st_uid == os.getuid()


def test_links_are_copied_as_links_unless_followed(rkt: Rktpy, pod: str, host: Path) -> None:
    rkt.ok("cp", f"{pod}:/abs", host / "as-link")
    rkt.ok("cp", "-L", f"{pod}:/abs", host / "followed")

    assert os.readlink(host / "as-link") == "/made/file"
    assert (host / "followed").read_text() == "inside\n"


def test_an_archive_keeps_owners_modes_and_attributes(rkt: Rktpy, pod: str, host: Path) -> None:
    os.chown(host / "dir/file", 1000, 100)
    os.chmod(host / "dir/file", 0o4750)
    os.setxattr(host / "dir/file", "user.note", b"kept")

    rkt.ok("cp", "-a", host / "dir", f"{pod}:/tmp")
    rkt.ok("cp", f"{pod}:/tmp/dir/file", host / "plain")
    rkt.ok("cp", "-a", f"{pod}:/tmp/dir/file", host / "kept")
    info = inside(rkt, "/tmp/dir")["dir/file"]

    assert (info.uid, info.gid, info.mode) == (1000, 100, 0o4750)
    assert info.pax_headers["SCHILY.xattr.user.note"] == "kept"
    kept, plain = (host / "kept").stat(), (host / "plain").stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode & 0o7777) == (1000, 100, 0o4750)
    assert (plain.st_uid, plain.st_gid, plain.st_mode & 0o7777) == (0, 0, 0o750)
    assert plain.st_mtime == (host / "dir/file").stat().st_mtime


def test_streams_come_in_and_go_out(rkt: Rktpy, pod: str, host: Path) -> None:
    stream = subprocess.run(["tar", "-c", "-C", host, "dir"], capture_output=True, check=True)

    done = rkt("cp", "-", f"{pod}:/tmp", given=stream.stdout)

    assert done.status == 0, done
    names = set(inside(rkt, "/tmp"))
    assert names >= {"tmp/dir/file", "tmp/dir/sub/deep", "tmp/dir/passwd"}


def test_what_a_killed_copy_left_is_removed_by_the_next(rkt: Rktpy, host: Path) -> None:
    (host / "dir/file").write_text("outside" * (1 << 19))
    stream = subprocess.run(
        ["tar", "-c", "-C", host / "dir", "file", "sub"], capture_output=True, check=True
    ).stdout
    target = host / "target"
    target.mkdir()
    (target / "file").write_text("before")
    volume = (f"--volume=v,kind=host,source={target}", "--mount=volume=v,target=/v")
    with rkt.start("run", "--pod-name=box", *volume, SHELL, "--", "echo done; sleep 300") as pod:
        pod.says("done")
        with subprocess.Popen(rkt.argv("cp", "-", "box:/v"), stdin=subprocess.PIPE) as copy:
            assert copy.stdin is not None
            copy.stdin.write(stream[: 2 << 20])  # half of the first file
            copy.stdin.flush()
            until(lambda: [p for p in target.glob(".rktpy-*") if p.stat().st_size], "half a file")
            copy.kill()
            copy.wait()  # before its input ends: its helper would tidy up and say what is missing
        half = (target / "file").read_text()
        left = until(lambda: [p.name for p in target.iterdir() if p.name != "file"], "what is left")
        until(lambda: not _held(target / left[0]), "the end of its helper")
        rkt("cp", "-", "box:/v", given=stream)

    assert (half, len(left)) == ("before", 1)
    assert sorted(p.name for p in target.iterdir()) == ["file", "sub"]
    assert (target / "file").read_text() == (host / "dir/file").read_text()


def _held(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("pod", ["ended"], indirect=True)
def test_an_ended_pod_takes_one_copy_after_the_other(rkt: Rktpy, pod: str, host: Path) -> None:
    for name in ("one", "two"):
        rkt.ok("cp", host / "dir/file", f"{pod}:/tmp/{name}")

    assert set(inside(rkt, "/tmp")) >= {"tmp/one", "tmp/two"}


@pytest.mark.parametrize(
    ("source", "target", "text"),
    [
        ("box:/no/such", "new", "/no/such: no such file or directory"),
        ("dir/file", "box:/no/such", "/no: no such file or directory"),
        ("dir/file", "box:/tmp/no/", "there is no directory /tmp/no/"),
        ("dir", "box:/made/file", "/made/file is not a directory"),
        ("dir/file/", "box:/tmp", "not a directory"),
        ("box:/made/.", "dir/file", "is not a directory"),
        ("nobody:/x", "new", 'no matches found for "nobody"'),
        ("box/other:/x", "new", 'app "other" is not present in pod'),
        ("box:", "new", '"box:" is not POD:PATH or POD/APP:PATH'),
        ("dir", "new", "exactly one of source and target must be in a pod"),
        ("box:/a", "box:/b", "exactly one of source and target must be in a pod"),
    ],
)
def test_a_copy_that_cannot_be_is_refused_in_one_line(
    rkt: Rktpy, host: Path, source: str, target: str, text: str
) -> None:
    rkt.run("--pod-name=box", SHELL, "--", "mkdir /made; echo >/made/file")
    words = [word if ":" in word else f"{host}/{word}" for word in (source, target)]

    done = rkt("cp", *words)

    assert (done.status, done.out) == (254, "")
    assert text in done.err
    assert done.err.count("\n") == 1
    assert sorted(os.listdir(host)) == ["dir"]


def test_volumes_of_a_running_pod_are_seen(rkt: Rktpy, host: Path) -> None:
    volume = f"--volume=data,kind=host,source={host}/dir"
    mount = "--mount=volume=data,target=/data"
    with rkt.start("run", "--pod-name=box", volume, mount, SHELL, "--", "sleep 300") as pod:
        pod.ready()
        rkt.ok("cp", "box:/data/file", host / "out")
        rkt.ok("cp", host / "out", "box:/data/back")

    assert (host / "dir/back").read_text() == "outside"


def test_a_whole_root_is_copied_without_the_kernels_files(rkt: Rktpy, host: Path) -> None:
    with rkt.start("run", "--pod-name=box", SHELL, "--", "sleep 300") as pod:
        pod.ready()
        done = rkt("cp", "box:/", host / "root")

    assert done.status == 0, done
    assert (host / "root/bin/busybox").is_file()
    assert os.listdir(host / "root/proc") == os.listdir(host / "root/sys") == []
    assert "leaving out device node ./dev/null" in done.err


def test_an_app_that_has_ended_can_be_reached_while_its_pod_runs(rkt: Rktpy, host: Path) -> None:
    two = (SHELL, "--name=early", "--", "echo early >/file", "---",
           SHELL, "--name=late", "--", "sleep 300")  # fmt: skip
    with rkt.start("run", "--pod-name=box", *two) as pod:
        pod.ready()
        rkt.ok("cp", "box/early:/file", host / "out")
        unnamed = rkt("cp", "box:/file", host / "out")

    assert (host / "out").read_text() == "early\n"
    assert 'specify app using "rktpy cp box/APP:PATH ..."' in unnamed.err


def test_nothing_outside_is_reached_by_an_app_that_swaps_links(rkt: Rktpy, host: Path) -> None:
    (host / "secret").write_text("of the host")
    swap = (
        f"while true; do rm -rf /d; mkdir /d; echo own >/d/secret; rm -rf /d; ln -s {host} /d; done"
    )
    (host / "in").write_text("in")
    before = sorted(os.listdir(host))
    with rkt.start("run", "--pod-name=box", SHELL, "--", swap) as pod:
        pod.ready()
        for _ in range(6):
            rkt("cp", host / "in", "box:/d/in")
            got = rkt("cp", "-L", "box:/d/secret", "-")
            assert "of the host" not in got.out

    assert sorted(os.listdir(host)) == before
