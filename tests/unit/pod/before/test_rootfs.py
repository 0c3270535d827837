"""Which overlays a pod is made of; the mounts themselves are tested where there is a kernel."""

from __future__ import annotations

from rktpy.layout import PodTree
from rktpy.pod.before.rootfs import AppTree, mount_plan

LOWERS = {"stage1": ["/s/stage1"], "plain": ["/s/plain"], "stack": ["/s/top", "/l/2", "/l/1"]}


def test_an_app_has_its_layers_above_the_skeleton_of_stage1() -> None:
    apps = [AppTree("one", "plain"), AppTree("two", "stack")]

    plan = mount_plan(PodTree("/p"), LOWERS, "stage1", apps, skeleton="usr/skeleton")

    below = "/s/stage1/usr/skeleton"
    assert [mount.layers for mount in plan] == [
        ("/s/stage1",),
        ("/s/plain", below),
        ("/s/top", "/l/2", "/l/1", below),
    ]
    assert plan[2].target == "/p/stage1/rootfs/opt/stage2/two/rootfs"
    assert plan[2].upper == "/p/overlay/stack/upper/two"
    assert "lowerdir=/s/top:/l/2:/l/1:/s/stage1/usr/skeleton,upperdir=" in plan[2].options
