"""Which pods get a group of their own so that they keep the CPU affinity of their unit."""

from __future__ import annotations

import os

import pytest

from rktpy.host.cgroup.hierarchy import HYBRID, LEGACY, UNIFIED
from rktpy.nspawn.limits.affinity import cpus, place_apart, release
from rktpy.systemd.unit import NONE, SCOPE, SERVICE, Placement


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("6.1.0-50-cloud-amd64", (6, 1)),
        ("6.18.44-fc-v595", (6, 18)),
        ("5.14", (5, 14)),
        ("7", (7,)),
        ("", ()),
    ],
)
def test_releases_are_read(text: str, numbers: tuple[int, ...]) -> None:
    assert release(text) == numbers


@pytest.mark.parametrize(
    ("text", "found"),
    [("0-3,7\n", {0, 1, 2, 3, 7}), ("1", {1}), ("", set()), ("0,2-2", {0, 2})],
)
def test_lists_of_processors_are_read(text: str, found: set[int]) -> None:
    assert cpus(text) == found


@pytest.mark.parametrize(
    ("kind", "mode", "linux"),
    [
        (SERVICE, UNIFIED, "6.2.0"),
        (SERVICE, HYBRID, "6.1.0"),
        (SERVICE, LEGACY, "6.1.0"),
        (SCOPE, UNIFIED, "6.1.0"),
        (NONE, UNIFIED, "6.1.0"),
        (SERVICE, UNIFIED, "6.1.0"),  # no such group here, so no such controller
    ],
)
def test_where_an_affinity_is_kept_nothing_changes(kind: str, mode: str, linux: str) -> None:
    placement = Placement(kind, "/no.slice/such.service", "no.slice/such.service/payload")

    assert place_apart(placement, mode, linux) == placement


def test_our_own_affinity_is_one_of_these_lists() -> None:
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("Cpus_allowed_list:"))

    assert cpus(line.split(":")[1]) == os.sched_getaffinity(0)
