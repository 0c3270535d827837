"""What pods leave around, and gc takes: mounts, network namespaces, links to journals, odd files.

What belongs to others stays, however it is tied to the pod.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host import syscalls
from rktpy.pod.after import sweep
from rktpy.pod.lifecycle import Pod
from rktpy.pod.phase import Phase
from rktpy.verbs.network.leaving import leave_networks
from tests.integration.pod.sweeping import EVERYTHING, gc, link_journal
from tests.support.pods import a_pod, phases_of

if TYPE_CHECKING:
    from rktpy.verbs.site import Site


def test_a_volume_still_mounted_below_a_pod_is_detached_and_keeps_its_content(
    site: Site, tmp_path: Path
) -> None:
    uuid = a_pod(site.layout)
    (tmp_path / "volume/sub").mkdir(parents=True)
    (tmp_path / "volume/precious").write_text("x")
    target = Path(site.layout.pod(Phase.RUN, uuid).stage1_rootfs) / "a b/vol"
    target.mkdir(parents=True)
    syscalls.mount("tmpfs", f"{tmp_path}/volume/sub", "tmpfs", 0)
    syscalls.mount(f"{tmp_path}/volume", str(target), "", syscalls.MS_BIND | syscalls.MS_REC)
    (tmp_path / "volume/sub/inner").write_text("x")

    assert gc(site) == [("moved-exited", uuid), ("collecting", uuid)]

    assert phases_of(site.layout) == {}
    assert (tmp_path / "volume/precious").read_text() == "x"
    assert (tmp_path / "volume/sub/inner").read_text() == "x"
    syscalls.umount2(f"{tmp_path}/volume/sub", 0)


def test_detaching_a_copy_of_a_shared_mount_leaves_the_original(site: Site, tmp_path: Path) -> None:
    uuid = a_pod(site.layout)
    source = tmp_path / "shared"
    source.mkdir()
    syscalls.mount("tmpfs", str(source), "tmpfs", 0)
    syscalls.mount("", str(source), "", syscalls.MS_SHARED)
    (source / "sub").mkdir()
    syscalls.mount("tmpfs", f"{source}/sub", "tmpfs", 0)
    target = Path(site.layout.pod(Phase.RUN, uuid).stage1_rootfs) / "vol"
    target.mkdir()
    syscalls.mount(str(source), str(target), "", syscalls.MS_BIND | syscalls.MS_REC)
    try:
        gc(site)
        assert phases_of(site.layout) == {}
        assert os.path.ismount(f"{source}/sub")
    finally:
        syscalls.umount2(str(source), syscalls.MNT_DETACH)


def test_a_mount_that_nobody_saw_stops_the_deletion(site: Site, tmp_path: Path) -> None:
    """The last fence: even a bind mount of the same file system is not walked into."""
    uuid = a_pod(site.layout, Phase.EXITED_GARBAGE)
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume/precious").write_text("x")
    target = Path(site.layout.pod(Phase.EXITED_GARBAGE, uuid).stage1_rootfs) / "vol"
    target.mkdir()
    syscalls.mount(f"{tmp_path}/volume", str(target), "", syscalls.MS_BIND)
    try:
        with pytest.raises(sweep.RemoveError, match="unable to remove pod rootfs"):
            sweep.delete(Pod(site.layout, Phase.EXITED_GARBAGE, uuid), (), leave_networks)
        assert (tmp_path / "volume/precious").read_text() == "x"
        assert Path(site.layout.pod(Phase.EXITED_GARBAGE, uuid).manifest).exists()
    finally:
        syscalls.umount2(str(target), 0)

    assert gc(site) == [("collecting", uuid)]


def test_files_that_an_app_made_immutable_are_deleted(site: Site) -> None:
    uuid = a_pod(site.layout)
    rootfs = Path(site.layout.pod(Phase.RUN, uuid).stage1_rootfs)
    (rootfs / "dir").mkdir()
    (rootfs / "dir/file").write_text("x")
    for path in (rootfs / "dir/file", rootfs / "dir"):
        if subprocess.run(["chattr", "+i", path], check=False).returncode:
            pytest.skip("this file system has no immutable files")

    gc(site)

    assert phases_of(site.layout) == {}


def test_the_link_to_its_journal_follows_a_pod_that_is_marked(site: Site, journals: Path) -> None:
    uuid = a_pod(site.layout)
    link = link_journal(site, uuid, journals)

    gc(site, EVERYTHING.replace(mark_only=True))

    marked = site.layout.pod(Phase.EXITED_GARBAGE, uuid)
    assert os.readlink(link) == f"{marked.stage1_rootfs}/var/log/journal/{link.name}"


def test_a_journal_that_was_copied_is_left_alone(site: Site, journals: Path) -> None:
    kept = journals / a_pod(site.layout).replace("-", "")
    kept.mkdir()

    gc(site)

    assert os.listdir(journals) == [kept.name]


def test_network_namespace_and_journal_link_go_with_the_pod(site: Site, journals: Path) -> None:
    uuid = a_pod(site.layout)
    tree = site.layout.pod(Phase.RUN, uuid)
    netns = Path(f"/run/netns/cni-{uuid}")
    netns.parent.mkdir(parents=True, exist_ok=True)
    netns.touch()
    syscalls.mount("/proc/self/ns/net", str(netns), "", syscalls.MS_BIND)
    Path(tree.netns).write_text(f"/var/run/netns/cni-{uuid}")
    link_journal(site, uuid, journals)

    gc(site)

    assert os.listdir("/run/netns") == []
    assert os.listdir(journals) == []


def test_a_network_namespace_of_somebody_else_is_not_touched(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "precious"
    other.write_text("x")
    uuid = a_pod(site.layout)
    Path(site.layout.pod(Phase.RUN, uuid).netns).write_text(str(other))

    gc(site)

    assert other.read_text() == "x"
