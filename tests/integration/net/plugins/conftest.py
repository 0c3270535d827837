from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host import netns, syscalls
from tests.integration.net.plugins.world import UUID, ip, switch_off

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pods() -> Iterator[tuple[str, str]]:
    """The names of two namespaces; everything that was made goes after the test."""
    names = (f"cni-{UUID}", "cni-other")
    switch_off()
    for name in names:
        netns.make(name)
    yield names
    for name in names:
        netns.remove(name)
    with contextlib.suppress(OSError):
        syscalls.umount2(netns.DIRECTORY, syscalls.MNT_DETACH)
    for link in ip("", "link"):
        if link["ifname"] != "lo":  # pairs may have ended with their pods
            subprocess.run(["ip", "link", "del", link["ifname"]], check=False, capture_output=True)


@pytest.fixture
def pod(pods: tuple[str, str]) -> str:
    return pods[0]
