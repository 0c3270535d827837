"""A hundred services with pods, started at once by one target: half of them in a network.

What they need of time and memory is measured by ``python -m tests.bench.hundred``.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support import hundred

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods

_ACTIVE = "systemctl list-units 'hundred-*.service' --all --no-legend --plain"


@pytest.fixture
def units(pods: Pods) -> Iterator[list[str]]:
    with hundred.inotify_instances(hundred.COUNT * 8):
        yield hundred.write_units(pods, "host", "default")
        hundred.remove_units(pods)


def _states(pods: Pods) -> Counter[str]:
    lines = pods.host.sh(_ACTIVE).stdout.splitlines()
    return Counter(" ".join(line.split()[2:4]) for line in lines)


def test_a_hundred_services_start_at_once_and_stop_cleanly(pods: Pods, units: list[str]) -> None:
    hundred.start(pods)
    states = _states(pods)
    machines = set(pods.machines())
    addresses = pods.rktpy("list", "--no-legend", "--fields=networks").split()
    hundred.stop(pods, units)
    ended = pods.rktpy("list", "--no-legend", "--fields=state,ended").splitlines()

    assert states == {"active running": hundred.COUNT}
    assert len(machines) == hundred.COUNT
    assert len(set(addresses)) == hundred.COUNT // 2
    assert _states(pods) == {}
    assert len(ended) == hundred.COUNT
    assert all(line.startswith("exited garbage") for line in ended)
    assert not [line for line in ended if "before" in line]
