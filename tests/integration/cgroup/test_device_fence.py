"""The device policy in force, by either means the kernel has, without a pod."""

from __future__ import annotations

import os
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest

from rktpy import cgroup
from rktpy.flavour.plan import PodPlan
from rktpy.nspawn.limits.devices import BY_CONTROLLER, BY_PROGRAM, fence

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.integration

SCRIPT = """
read go
for device in /dev/null /dev/zero /dev/kmsg /dev/full; do true <$device && echo $device; done
mknod "$1/null" c 1 3 && echo made null
mknod "$1/kmsg" c 1 11 && echo made kmsg
exit 0
"""


@pytest.fixture
def group() -> Iterator[cgroup.PodCgroup]:
    group = cgroup.plan(str(uuid.uuid4()))
    cgroup.create(group)
    yield group
    assert cgroup.remove(group)


def directory(group: cgroup.PodCgroup, key: str) -> str | None:
    return next((place.directory for place in group.places if place.key == key), None)


@pytest.mark.parametrize(("key", "by"), [("", BY_PROGRAM), ("devices", BY_CONTROLLER)])
def test_only_harmless_devices_can_be_opened_or_made(
    group: cgroup.PodCgroup, tmp_path: os.PathLike[str], key: str, by: str
) -> None:
    place = directory(group, key)
    if place is None:
        pytest.skip("no such hierarchy here")
    plan = PodPlan("", (), "")
    found = fence(plan, (place,), None) if by == BY_PROGRAM else fence(plan, (), place)
    argv = ["sh", "-c", SCRIPT, "sh", os.fspath(tmp_path)]
    with subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        cgroup.join(group, child.pid)
        out, _ = child.communicate("go\n", timeout=20)

    assert found == by
    assert out.split("\n") == ["/dev/null", "/dev/zero", "/dev/full", "made null", ""]


def test_where_nothing_can_be_fenced_that_is_told() -> None:
    assert fence(PodPlan("", (), ""), ("/proc/nowhere",), "/proc/nowhere") == ""
