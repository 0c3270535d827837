"""Limits written straight into control groups, where no systemd is there to be asked.

cgroupspy drives the v1 controllers; it knows nothing of cgroup2, which is two plain files.
Imported only when a limit is set: cgroupspy costs 20 ms.
"""

from __future__ import annotations

import os

from rktpy.value import Value

PERIOD = 100_000  # microseconds: the kernel's default, in which the processor quota is counted


class _Node(Value):
    """What cgroupspy's controllers ask of a node: they join the names of files, as bytes."""

    full_path: bytes


def limit_v1(controller: str, directory: str, amount: int) -> None:
    """Limit the v1 cgroup ``directory``: ``memory`` to bytes, ``cpu`` to thousandths of a core.

    Raises:
        OSError: the kernel refuses.
    """
    from cgroupspy.controllers import CpuController, MemoryController

    node = _Node(os.fsencode(directory))
    if controller == "memory":
        MemoryController(node).limit_in_bytes = amount
        return
    cpu = CpuController(node)
    cpu.cfs_period_us = PERIOD
    cpu.cfs_quota_us = _quota(amount)


def limit_v2(controller: str, directory: str, amount: int) -> None:
    """Limit the cgroup2 cgroup ``directory``, with the meaning of ``limit_v1``.

    Raises:
        OSError: the kernel refuses, or the controller is not enabled there.
    """
    text = str(amount) if controller == "memory" else f"{_quota(amount)} {PERIOD}"
    fd = os.open(f"{directory}/{controller}.max", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _quota(milli: int) -> int:
    """Return microseconds per period; the kernel takes no less than one millisecond."""
    return max(milli * PERIOD // 1000, 1000)
