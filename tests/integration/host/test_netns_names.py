"""Names of network namespaces go from wherever they are taken away."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host import netns, syscalls

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "cni-test-names"


@pytest.fixture
def shared_run() -> Iterator[None]:
    """``/run`` as systemd has it: then each name is mounted twice, once below ``/run/netns``."""
    subprocess.run(["umount", "--lazy", netns.DIRECTORY], check=False)
    subprocess.run(["mount", "--make-shared", "/run"], check=True)
    yield
    subprocess.run(["umount", "--lazy", netns.DIRECTORY], check=True)
    subprocess.run(["mount", "--make-private", "/run"], check=True)


@pytest.mark.usefixtures("shared_run")
def test_a_name_goes_from_a_mount_namespace_that_tells_nobody_anything() -> None:
    """As that of a ``run`` that fails while the pod's trees are mounted."""
    netns.make(NAME)
    child = os.fork()
    if child == 0:
        try:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.mount("", "/", "none", syscalls.MS_SLAVE | syscalls.MS_REC)
            netns.remove(NAME)
        except BaseException as error:  # noqa: BLE001 - told by the parent
            os.write(2, f"{error}\n".encode())
            os._exit(1)
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with open("/proc/self/mountinfo", encoding="ascii") as mounts:
        assert NAME not in mounts.read()
    assert netns.names() == ()
