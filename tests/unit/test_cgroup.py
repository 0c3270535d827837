"""Finding hierarchies and planning a pod's cgroups, from the kernel's texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.cgroup import CgroupError, cgroup_name, plan_from
from rktpy.host.cgroup.hierarchy import (
    ABSENT,
    HYBRID,
    LEGACY,
    UNIFIED,
    Hierarchy,
    mode_of,
    mode_of_mountinfo,
    parse_membership,
    parse_mountinfo,
    tree_path,
)

if TYPE_CHECKING:
    from pathlib import Path

UUID = "6733c088-a507-4694-aabf-32fd8b7c0ba1"
NAME = r"machine-rkt\x2d6733c088\x2da507\x2d4694\x2daabf\x2d32fd8b7c0ba1.scope"

TMPFS = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
V2_TOP = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V2_SIDE = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
V232 = "41 31 0:38 / /sys/fs/cgroup/systemd rw - cgroup2 cgroup2 rw\n"
V1_TREE = "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
V1_CPU = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n"
V1_NET = "99 1 0:77 / /opt/net_cls rw - cgroup cgroup rw,net_cls,release_agent=/x\n"


@pytest.mark.parametrize(
    ("mountinfo", "mode"),
    [
        ("", ABSENT),
        (TMPFS, ABSENT),
        (V2_TOP, UNIFIED),
        (V2_TOP + V1_NET, UNIFIED),
        (TMPFS + V1_TREE + V1_CPU, LEGACY),
        (TMPFS + V1_TREE + V1_CPU + V2_SIDE, HYBRID),
        (TMPFS + V232 + V1_CPU, HYBRID),
        (TMPFS + V1_TREE + V2_TOP.replace("/sys/fs/cgroup", "/mnt"), LEGACY),
        (V2_TOP.replace("/sys/fs/cgroup", "/mnt"), UNIFIED),
    ],
)
def test_the_layout_is_told_by_the_mounts(mountinfo: str, mode: str) -> None:
    assert mode_of(parse_mountinfo(mountinfo)) == mode
    assert mode_of_mountinfo(mountinfo) == mode


def test_controllers_are_told_from_options() -> None:
    found = parse_mountinfo(TMPFS + V1_TREE + V1_CPU + V2_SIDE + V1_NET)
    assert [h.key for h in found] == ["name=systemd", "cpu,cpuacct", "", "net_cls"]


def test_of_several_mounts_the_one_that_shows_most_wins() -> None:
    part = V1_CPU.replace(" / /sys", " /docker/x /bind", 1)
    assert [h.root for h in parse_mountinfo(part + V1_CPU)] == ["/"]
    assert [h.point for h in parse_mountinfo(V1_CPU + V1_CPU.replace("/sys", "/other"))] == [
        "/sys/fs/cgroup/cpu,cpuacct"
    ]


def test_a_mount_point_with_blanks_is_read() -> None:
    text = V2_TOP.replace("/sys/fs/cgroup", r"/a\040b\134c")
    assert parse_mountinfo(text)[0].point == r"/a b\c"


@pytest.mark.parametrize(
    ("root", "path", "directory"),
    [
        ("/", "/", "/mnt"),
        ("/", "/a/b", "/mnt/a/b"),
        ("/docker/x", "/docker/x", "/mnt"),
        ("/docker/x", "/docker/x/a", "/mnt/a"),
        ("/docker/x", "/docker/xy", None),
        ("/docker/x", "/", None),
    ],
)
def test_a_cgroup_is_found_below_what_its_mount_shows(
    root: str, path: str, directory: str | None
) -> None:
    assert Hierarchy("/mnt", root, ()).directory(path) == directory


def test_membership_is_keyed_by_sorted_controllers() -> None:
    text = "12:net_prio,net_cls:/a:b\n1:name=systemd:/x\n0::/gone (deleted)\n"
    found = {"net_cls,net_prio": "/a:b", "name=systemd": "/x", "": "/gone"}
    assert parse_membership(text) == found


@pytest.mark.parametrize(
    ("membership", "mode", "path"),
    [
        ({"": "/v2", "name=systemd": "/v1"}, UNIFIED, "/v2"),
        ({"": "/v2", "name=systemd": "/v1"}, HYBRID, "/v2"),
        ({"": "/", "name=systemd": "/v1"}, LEGACY, "/v1"),
        ({"cpu": "/c"}, LEGACY, "/c"),
        ({}, LEGACY, "/"),
    ],
)
def test_systemd_knows_us_by_one_of_the_paths(
    membership: dict[str, str], mode: str, path: str
) -> None:
    assert tree_path(membership, mode) == path


class Mounts:
    """Directories in place of hierarchies: planning only asks whether they are writable."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def hierarchy(self, *controllers: str, unified: bool = False) -> Hierarchy:
        point = self.base / (",".join(controllers) or "unified")
        (point / "me").mkdir(parents=True)
        return Hierarchy(str(point), "/", controllers, unified=unified)


@pytest.fixture
def mounts(tmp_path: Path) -> Mounts:
    return Mounts(tmp_path)


def test_a_pod_is_planned_below_the_caller_in_every_hierarchy(mounts: Mounts) -> None:
    hierarchies = (mounts.hierarchy("memory"), mounts.hierarchy("name=systemd"))
    pod = plan_from(UUID, hierarchies, "2:memory:/\n1:name=systemd:/me\n0::/\n")
    assert pod.record == f"0:memory:/{NAME}\n0:name=systemd:/me/{NAME}\n"
    assert [place.directory for place in pod.places] == [
        f"{mounts.base}/memory/{NAME}",
        f"{mounts.base}/name=systemd/me/{NAME}",
    ]
    assert pod.subcgroup == f"/me/{NAME}/payload"


def test_with_cgroup2_alone_the_pod_itself_is_in_the_payload(mounts: Mounts) -> None:
    pod = plan_from(UUID, (mounts.hierarchy(unified=True),), "0::/me\n")
    assert (pod.mode, pod.subcgroup) == (UNIFIED, f"/me/{NAME}/payload")
    assert pod.record == f"0::/me/{NAME}\n"


def test_a_hierarchy_that_cannot_be_seen_is_left_out(mounts: Mounts) -> None:
    hidden = mounts.hierarchy("cpu").replace(root="/docker/x")
    absent = Hierarchy("/nowhere", "/", ("pids",))
    tree = mounts.hierarchy("name=systemd")
    text = "4:pids:/\n3:cpu:/\n1:name=systemd:/me\n"
    assert [p.key for p in plan_from(UUID, (hidden, absent, tree), text).places] == ["name=systemd"]


def test_without_a_hierarchy_for_systemd_there_is_no_plan(mounts: Mounts) -> None:
    with pytest.raises(CgroupError, match="no writable control group hierarchy for the pod"):
        plan_from(UUID, (mounts.hierarchy("memory"),), "2:memory:/\n")
    with pytest.raises(CgroupError):
        plan_from(UUID, (), "")


def test_the_name_is_that_of_the_scope_machined_would_make() -> None:
    assert cgroup_name(UUID) == NAME
