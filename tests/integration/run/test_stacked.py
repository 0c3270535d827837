"""Pods of images whose layers are stacked: everything a pod of an archive can, they can."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host.archive.ends import LayerOutcome, LooseEnds
from rktpy.layout import Layout
from rktpy.store.images import ImageStore
from rktpy.store.layers import Layers
from tests.integration.run.images import BUSYBOX
from tests.integration.store.layered import add_stack, diff_id, filled
from tests.support.images import build_aci

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.run.rk import Rktpy

STACKED = "example.com/stacked"
OVERLAY = pytest.mark.parametrize(
    "options", [(), ("--no-overlay",), ("--private-users",), ("--private-users", "--no-overlay")]
)

pytestmark = pytest.mark.usefixtures("images_go")


def _shell(rootfs: str) -> LayerOutcome:
    """Fill the base: a shell, and a root of its own kind."""
    os.makedirs(f"{rootfs}/bin")
    shutil.copy(BUSYBOX, f"{rootfs}/bin/busybox")
    os.chmod(f"{rootfs}/bin/busybox", 0o755)
    for name in ("sh", "cat", "ls", "stat", "echo", "rm", "sleep"):
        os.symlink("busybox", f"{rootfs}/bin/{name}")
    os.chown(rootfs, 7, 8)
    os.chmod(rootfs, 0o751)
    os.setxattr(rootfs, "user.note", b"root")
    rest = {
        "etc/passwd": b"root:x:0:0:root:/:/bin/sh\n",
        "d/old": b"old\n",
        "d/gone": b"",
        "e/x": b"x",
    }
    return filled(rest)(rootfs)


def _layers(count: int = 1) -> dict[str, Callable[[str], LayerOutcome]]:
    upper = {"d/new": b"new\n", "d/gone": None, "e": None}
    layers = {"shell": _shell, "upper": filled(upper, LooseEnds(implied=(b"d",)))}
    return layers | {
        f"more {n}": filled({f"many/{n}": b""}, LooseEnds(implied=(b"many",))) for n in range(count)
    }


def _add(rkt: Rktpy, count: int = 1) -> str:
    store = ImageStore(Layout(str(rkt.data)))
    return add_stack(store, _layers(count), exec=("/bin/sh", "-c"))


@OVERLAY
def test_an_app_sees_all_layers_as_one(rkt: Rktpy, options: tuple[str, ...]) -> None:
    _add(rkt)

    done = rkt.run(
        *options, STACKED, "--", "ls /d; ls / | cat; stat -c '%n %u:%g %a' / /d/old; echo 1 >/d/w"
    )

    assert done.status == 0
    lines = done.lines()
    assert lines[:2] == ["new", "old"]
    assert "e" not in lines
    assert lines[-2:] == ["/ 7:8 751", "/d/old 0:0 644"]


def test_the_root_of_the_writable_layer_has_the_images_attributes(rkt: Rktpy) -> None:
    _add(rkt)

    assert rkt.run(STACKED, "--", "echo").status == 0

    (upper,) = rkt.data.glob("pods/run/*/overlay/*/upper/stacked")
    assert os.getxattr(upper, "user.note") == b"root"


@pytest.mark.parametrize("options", [(), ("--no-overlay",), ("--private-users",)])
def test_two_hundred_layers(rkt: Rktpy, options: tuple[str, ...]) -> None:
    _add(rkt, 198)

    done = rkt.run(*options, STACKED, "--", "ls /many | while read n; do echo $n; done")

    assert len(done.lines()) == 198


def test_an_ended_pod_can_be_copied_from_and_to_and_exported(rkt: Rktpy, tmp_path: Path) -> None:
    _add(rkt, 148)
    uuid = rkt.prepare(STACKED, "--", "echo mine >/d/mine; rm /d/old")
    (tmp_path / "given").write_text("given\n")
    assert rkt("run-prepared", "--net=none", uuid).status == 0

    rkt.ok("cp", tmp_path / "given", f"{uuid}:/d/given")
    rkt.ok("cp", f"{uuid}:/d", tmp_path / "d")
    rkt.ok("export", uuid, tmp_path / "out.aci")
    done = rkt.run(tmp_path / "out.aci", "--", "ls /d")

    assert sorted(os.listdir(tmp_path / "d")) == ["given", "mine", "new"]
    assert done.lines() == ["given", "mine", "new"]


def test_enter_sees_the_stack(rkt: Rktpy) -> None:
    _add(rkt)
    with rkt.start("run", STACKED, "--", "sleep 1000") as pod:
        uuid = pod.ready()

        out = rkt.ok("enter", uuid, "/bin/ls", "/d")

        rkt.ok("stop", uuid)
        pod.end()
    assert out.split() == ["new", "old"]


def test_an_exported_image_is_the_same_anywhere_and_runs(rkt: Rktpy, tmp_path: Path) -> None:
    key = _add(rkt)
    other = ImageStore(Layout(str(tmp_path / "other")))
    assert add_stack(other, _layers(), exec=("/bin/sh", "-c")) == key

    rkt.ok("image", "export", key, tmp_path / "a.aci")
    rkt.ok("image", "export", key, tmp_path / "b.aci")
    rkt.ok(f"--dir={tmp_path}/other", "image", "export", key, tmp_path / "c.aci")

    hashes = {hashlib.sha512((tmp_path / f"{n}.aci").read_bytes()).hexdigest() for n in "abc"}
    assert len(hashes) == 1
    with tarfile.open(tmp_path / "a.aci") as archive:
        root = archive.getmember("rootfs")
    assert (root.uid, root.gid, root.mode) == (7, 8, 0o751)
    rkt.ok("image", "rm", key)
    done = rkt.run(tmp_path / "a.aci", "--", "ls /d")
    assert done.lines() == ["new", "old"]


def test_extract_and_render_write_the_merged_files(rkt: Rktpy, tmp_path: Path) -> None:
    key = _add(rkt)

    for command in ("extract", "render"):
        rkt.ok("image", command, "--rootfs-only", key, tmp_path / command)

        assert sorted(os.listdir(tmp_path / command)) == ["bin", "d", "etc", "many"]
        assert sorted(os.listdir(tmp_path / command / "d")) == ["new", "old"]
        assert os.stat(tmp_path / command).st_uid == 7


def test_an_image_can_depend_on_one_of_layers(rkt: Rktpy, tmp_path: Path) -> None:
    _add(rkt)
    above = build_aci(
        tmp_path / "above.aci",
        name="example.com/above",
        exec=("/bin/sh", "-c"),
        files={"/d/above": b"above"},
        dependencies=[{"imageName": STACKED}],
    )

    done = rkt.run(above, "--", "ls /d")

    assert done.lines() == ["above", "new", "old"]


def test_gc_keeps_layers_of_images_and_of_pods(rkt: Rktpy) -> None:
    key = _add(rkt)
    layers = Layers(Layout(str(rkt.data)))
    rkt.ok("image", "gc", "--grace-period=1h")  # takes its tree
    uuid = rkt.prepare(STACKED, "--", "ls /d")

    rkt.ok("image", "rm", key)
    rkt.ok("image", "gc", "--grace-period=1h")
    assert len(layers.ids()) == 3
    assert rkt("run-prepared", "--net=none", uuid).lines() == ["new", "old"]

    rkt.ok("rm", uuid)
    done = rkt("image", "gc", "--grace-period=1h")
    assert done.status == 0
    assert f'removed layer "{diff_id("shell")}"' in done.err
    assert layers.ids() == []
    assert not [name for name in os.listdir(rkt.data / "cas/treestorelocks") if "sha256" in name]


def test_nothing_starts_on_a_damaged_layer(rkt: Rktpy) -> None:
    key = _add(rkt)
    upper = Path(Layers(Layout(str(rkt.data))).rootfs(diff_id("upper")))
    uuid = rkt.prepare(STACKED, "--", "ls /d")
    assert "successfully verified" in rkt.ok("image", "verify", key)
    (upper / "d/gone").unlink()

    done = rkt("image", "verify", key)
    again = rkt.run(STACKED, "--", "ls /d")
    prepared = rkt("run-prepared", "--net=none", uuid)

    assert (done.status, again.status, prepared.status) == (254, 254, 254)
    assert f"layer {diff_id('upper')} is damaged" in done.err
    for one in (again, prepared):
        assert f"layer {diff_id('upper')} of the image is missing or damaged" in one.err
    assert rkt.status(uuid)["state"] == "prepared"
    _add(rkt)  # as the next fetch does
    assert rkt("run-prepared", "--net=none", uuid).lines() == ["new", "old"]


def test_runs_beside_a_collector_find_their_layers(rkt: Rktpy) -> None:
    _add(rkt)
    runs = [rkt.start("run", STACKED, "--", "ls /d; sleep 1") for _ in range(4)]
    with ExitStack() as started:
        for run in runs:
            started.enter_context(run)
            rkt.ok("image", "gc", "--grace-period=1h")

        assert [run.end().lines() for run in runs] == [["new", "old"]] * 4
    rkt.ok("image", "gc", "--grace-period=1h")
    assert rkt.run(STACKED, "--", "ls /d").lines() == ["new", "old"]


def test_a_running_pod_keeps_a_layer_that_is_made_again(rkt: Rktpy, tmp_path: Path) -> None:
    key = _add(rkt)
    rkt.ok("image", "gc", "--grace-period=1h")  # of what other tests replaced
    layers = rkt.data / "cas/layer"
    go = tmp_path / "go"
    os.mkfifo(go)
    volume = f"--volume=go,kind=host,source={go}"
    script = "cat /go; cat /d/old; ls /d"
    with rkt.start("run", volume, "--mount=volume=go,target=/go", STACKED, "--", script) as pod:
        uuid = pod.ready()
        Layers(Layout(str(rkt.data))).mark_damaged(diff_id("shell"))
        _add(rkt)
        rkt.ok("image", "gc", "--grace-period=1h")
        assert len(os.listdir(layers)) == 4
        go.write_text("")
        done = pod.end()

    assert done.lines() == ["old", "new", "old"]
    rkt.ok("rm", uuid)
    rkt.ok("image", "gc", "--grace-period=1h")
    assert len(os.listdir(layers)) == 3
    rkt.ok("image", "rm", key)
