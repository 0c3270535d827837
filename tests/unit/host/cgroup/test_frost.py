"""What is told of frozen groups."""

from __future__ import annotations

import pytest

from rktpy.host.cgroup.frost import Frost, frost_of


@pytest.mark.parametrize(
    ("directory", "remedy"),
    [
        ("/sys/fs/cgroup/system.slice/web.service", "systemctl thaw web.service"),
        (
            "/sys/fs/cgroup/machine.slice/machine-rkt\\x2d1.scope",
            "systemctl thaw 'machine-rkt\\x2d1.scope'",
        ),
        (
            "/sys/fs/cgroup/unified/system.slice/web.service/payload",
            "echo 0 > /sys/fs/cgroup/unified/system.slice/web.service/payload/cgroup.freeze",
        ),
    ],
)
def test_the_remedy_is_a_command(directory: str, remedy: str) -> None:
    assert Frost(directory).remedy == remedy


@pytest.mark.parametrize("path", ["", "/", "/no.slice/such.service/payload", "../.."])
def test_what_is_not_there_is_not_frozen(path: str) -> None:
    assert frost_of(path) is None
