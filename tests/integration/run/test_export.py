"""``export``: what an ended app left, as an image that runs; the cases of rkt's export_test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host.helper import Answer, Helper
from rktpy.layout import Layout
from rktpy.pod.after.ended import EndedRoot
from rktpy.pod.lifecycle import open_pod
from tests.integration.run.images import INSPECT, SHELL
from tests.integration.run.killing import kill_at, record
from tests.integration.run.rk import until

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

WRITE = ("--", "--write-file", "--file-name=/file", "--content=ThisIsATest")
READ = ("--exec=/inspect", "--", "--read-file", "--file-name=/file")

pytestmark = pytest.mark.usefixtures("images_go")


def members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as archive:
        return {info.name: info for info in archive}


@pytest.mark.parametrize(
    "options", [(), ("--no-overlay",), ("--private-users",), ("--private-users", "--no-overlay")]
)
def test_what_an_app_wrote_is_in_the_image(
    rkt: Rktpy, tmp_path: Path, options: tuple[str, ...]
) -> None:
    uuid = rkt.prepare(*options, INSPECT, *WRITE)
    assert rkt("run-prepared", "--net=none", uuid).status == 0

    rkt.ok("export", uuid, tmp_path / "out.aci")
    done = rkt.run(tmp_path / "out.aci", *READ)

    assert done.status == 0
    assert "ThisIsATest" in done.out
    assert {info.uid for info in members(tmp_path / "out.aci").values()} <= {0}


@pytest.mark.parametrize("options", [(), ("--no-overlay",)])
def test_one_of_two_apps_is_exported_by_name(
    rkt: Rktpy, tmp_path: Path, options: tuple[str, ...]
) -> None:
    two = (INSPECT, "--name=first", *WRITE, "---", INSPECT, "--name=second", "--", "--print-exec")
    uuid = rkt.prepare(*options, *two)
    assert rkt("run-prepared", "--net=none", uuid).status == 0

    unnamed = rkt("export", uuid, tmp_path / "out.aci")
    unknown = rkt("export", "--app=third", uuid, tmp_path / "out.aci")
    rkt.ok("export", "--app=first", uuid, tmp_path / "out.aci")
    done = rkt.run(tmp_path / "out.aci", *READ)

    assert (unnamed.status, unknown.status) == (254, 254)
    assert "\tfirst\n\tsecond\n" in unnamed.err
    assert 'unable to find app: specify app using "rkt export --app= ..."' in unnamed.err
    assert 'unable to find app: app "third" is not present in pod' in unknown.err
    assert "ThisIsATest" in done.out


def test_deletions_replacements_links_and_nodes_are_those_the_app_saw(
    rkt: Rktpy, tmp_path: Path
) -> None:
    script = (
        "cd /; rm /broken; rm -r /etc; mkdir /etc; echo new >/etc/new; mkdir -m 1700 /own;"
        "cat /etc/new >/own/a; chmod 4755 /own/a; mknod /own/null c 1 3; mknod /own/fifo p"
    )
    assert rkt.run("--pod-name=job", SHELL, "--", script).status == 0
    (upper,) = rkt.data.glob("pods/run/*/overlay/*/upper/shell")
    os.link(upper / "own/a", upper / "own/b")
    os.setxattr(upper / "own/b", "user.note", b"kept")
    os.chown(upper / "own/a", 1000, 3_000_000)
    os.truncate(upper / "etc/new", 5 << 20)

    rkt.ok("export", "job", tmp_path / "out.aci")
    found = members(tmp_path / "out.aci")

    assert "rootfs/broken" not in found
    assert [name for name in found if name.startswith("rootfs/etc")] == [
        "rootfs/etc",
        "rootfs/etc/new",
    ]
    assert found["rootfs/etc/new"].size == 5 << 20
    assert found["rootfs/own"].mode == 0o1700
    assert (found["rootfs/own/a"].uid, found["rootfs/own/a"].gid) == (1000, 3_000_000)
    assert found["rootfs/own/a"].pax_headers["SCHILY.xattr.user.note"] == "kept"
    assert found["rootfs/own/b"].linkname == "rootfs/own/a"
    assert found["rootfs/own/null"].ischr()
    assert found["rootfs/own/fifo"].isfifo()
    rkt.ok("fetch", tmp_path / "out.aci")


def test_the_image_has_its_name_and_no_dependency_and_equal_exports_are_equal(
    rkt: Rktpy, tmp_path: Path
) -> None:
    rkt.run("--pod-name=job", SHELL, "--", "true")

    rkt.ok("export", "job", tmp_path / "one.aci")
    rkt.ok("export", "job", tmp_path / "two.aci")
    with tarfile.open(tmp_path / "one.aci") as archive:
        names = archive.getnames()
        manifest = archive.extractfile("manifest")
        assert manifest is not None
        text = manifest.read()

    assert names[:2] == ["manifest", "rootfs"]
    assert f'"name":"{SHELL}"'.encode() in text
    assert b"dependencies" not in text
    assert (tmp_path / "one.aci").read_bytes() == (tmp_path / "two.aci").read_bytes()
    assert (tmp_path / "one.aci").stat().st_mode & 0o777 == 0o644


def test_an_existing_file_stays_unless_asked(rkt: Rktpy, tmp_path: Path) -> None:
    rkt.run("--pod-name=job", SHELL, "--", "true")
    (tmp_path / "out.aci").write_text("mine")

    refused = rkt("export", "job", tmp_path / "out.aci")
    kept = (tmp_path / "out.aci").read_text()
    rkt.ok("export", "--overwrite", "job", tmp_path / "out.aci")

    assert (refused.status, kept) == (254, "mine")
    assert "error building aci: target file exists (try --overwrite)" in refused.err
    assert "manifest" in members(tmp_path / "out.aci")
    assert os.listdir(tmp_path) == ["out.aci"]


def test_only_ended_pods_can_be_exported(rkt: Rktpy, tmp_path: Path) -> None:
    prepared = rkt.prepare(INSPECT)
    with rkt.start("run", SHELL, "--", "sleep 300") as pod:
        running = rkt("export", pod.ready(), tmp_path / "out.aci")

    for done in (running, rkt("export", prepared, tmp_path / "out.aci")):
        assert done.status == 254
        assert "pod is not exited. Only exited pods can be exported" in done.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("job", "out.tar"), "extension must be .aci (given out.tar)"),
        (("none", "out.aci"), 'problem retrieving pod: no matches found for "none"'),
        (("job", "/no/such/out.aci"), "error building aci: /no/such"),
        (("job",), "takes 2 argument(s)"),
    ],
)
def test_other_calls_are_refused(rkt: Rktpy, words: tuple[str, ...], text: str) -> None:
    rkt.run("--pod-name=job", SHELL, "--", "true")

    done = rkt("export", *words)

    assert done.status == 254
    assert text in done.err


def test_a_pod_is_deleted_after_its_export_is_whole(rkt: Rktpy, tmp_path: Path) -> None:
    rkt.run("--pod-name=job", SHELL, "--", "echo >/large; echo last >/zz")
    (large,) = rkt.data.glob("pods/run/*/overlay/*/upper/shell/large")
    os.truncate(large, 256 << 20)
    argv = rkt.argv("export", "job", tmp_path / "out.aci")
    with subprocess.Popen(argv) as command:
        until(lambda: locked(large.parents[4]), "lock of the export")
        rkt.ok("rm", "job")
        gone = not large.parents[4].exists()
        command.wait()

    assert (gone, command.returncode) == (True, 0)
    assert members(tmp_path / "out.aci")["rootfs/zz"].size == 5


def locked(pod: Path) -> bool:
    """Return whether somebody reads the pod directory under a lock."""
    inode = f":{pod.stat().st_ino} "
    return any(inode in line for line in Path("/proc/locks").read_text().splitlines())


def test_a_killed_export_leaves_nothing(rkt: Rktpy, tmp_path: Path) -> None:
    rkt.run("--pod-name=job", SHELL, "--", "echo >/large")
    (large,) = rkt.data.glob("pods/run/*/overlay/*/upper/shell/large")
    os.truncate(large, 64 << 30)
    argv = rkt.argv("export", "job", tmp_path / "out.aci")
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as command:

        def writes() -> bool:
            with contextlib.suppress(OSError):  # one that was closed meanwhile
                fds = f"/proc/{command.pid}/fd"
                return any(f"{tmp_path}/#" in os.readlink(f"{fds}/{n}") for n in os.listdir(fds))
            return False

        until(writes, "output file")
        command.send_signal(signal.SIGKILL)

    assert os.listdir(tmp_path) == []


def test_an_export_killed_while_it_takes_the_place_of_a_file_loses_neither(
    rkt: Rktpy, tmp_path: Path
) -> None:
    rkt.run("--pod-name=job", SHELL, "--", "true")
    file = tmp_path / "there" / "out.aci"
    file.parent.mkdir()
    file.write_text("old")
    argv = rkt.argv("export", "--overwrite", "job", file)
    moments = record(argv, tmp_path / "trace")
    first = next(n for n, moment in enumerate(moments) if "/out.aci" in moment.text)
    assert {"linkat", "rename"} & {moment.call for moment in moments[first:]}

    for moment in moments[first - 1 :]:
        file.write_text("old")
        assert kill_at(moment, argv, tmp_path / "trace"), moment
        assert file.read_bytes() == b"old" or "manifest" in members(file), moment


@pytest.mark.parametrize("options", [(), ("--no-overlay",)], ids=["overlay", "copies"])
@pytest.mark.parametrize("writable", [False, True], ids=["read", "written"])
def test_a_pod_that_gc_marks_meanwhile_is_opened_all_the_same(
    rkt: Rktpy, options: tuple[str, ...], *, writable: bool
) -> None:
    rkt.run(*options, "--pod-name=job", SHELL, "--", "echo here >/said")
    pod = open_pod(Layout(str(rkt.data)), "job")
    rkt.ok("gc", "--mark-only")
    with EndedRoot(pod, "shell", writable=writable) as root:
        (there,) = rkt.data.glob("pods/exited-garbage/*")
        os.rename(there, rkt.data / "pods/run" / there.name)

        def work() -> Answer:
            root.take()
            with open("/said", "a+" if writable else "r", encoding="ascii") as said:
                said.seek(0)
                return Answer((said.read(),))

        assert Helper(work).wait().warnings == ("here\n",)
