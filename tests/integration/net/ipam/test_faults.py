"""Addresses given out while others do the same, are killed, or the disk is full."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.net.call import Call
from rktpy.net.ipam.arguments import IpamError
from rktpy.net.ipam.host_local import ExhaustedError, HostLocal
from rktpy.net.ipam.leases import Lease, Leases, leases, reclaim
from tests.integration.net.ipam import debian
from tests.integration.pod.sweeping import ends_well, in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DUAL = {"ranges": [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00::/64"}]]}
ROOMS = ("/rktpy/net/ipam/", "/rktpy/host/")


def the_call(directory: Path, container: str = "one", **ipam: Any) -> Call:
    fields = {"type": "ptp", "ipam": {"dataDir": str(directory), **(ipam or DUAL)}}
    return Call(container, "", "eth0", "", "blue", "1.0.0", fields)


def owners(directory: Path) -> dict[str, str]:
    return {lease.address: lease.container for lease in leases(f"{directory}/blue")}


def together(acts: list[Callable[[], object]]) -> list[bool]:
    """Do ``acts`` in processes of their own at the same time; return which ended well."""
    gate, handle = os.pipe()

    def enter(act: Callable[[], object]) -> None:
        os.close(handle)
        os.read(gate, 1)  # until all have closed it
        act()

    children = [in_child(partial(enter, act)) for act in acts]
    os.close(gate)
    os.close(handle)
    return [ends_well(child) for child in children]


def test_fifty_at_once_get_fifty_addresses(tmp_path: Path) -> None:
    calls = [the_call(tmp_path, f"pod{n}") for n in range(50)]

    assert together([partial(HostLocal().add, call) for call in calls]) == [True] * 50

    v4 = [f"10.1.0.{n}" for n in range(2, 52)]
    v6 = [f"fd00::{n:x}" for n in range(2, 52)]
    found = owners(tmp_path)
    assert sorted(found) == sorted(v4 + v6)
    assert len(set(found.values())) == 50


def test_fifty_at_once_half_of_them_debians(tmp_path: Path) -> None:
    ours = [the_call(tmp_path, f"ours{n}") for n in range(25)]
    theirs = [the_call(tmp_path, f"theirs{n}") for n in range(25)]
    acts: list[Callable[[], object]] = []
    for mine, yours in zip(ours, theirs, strict=True):
        acts.append(partial(HostLocal().add, mine))
        acts.append(partial(debian.run, "host-local", "ADD", yours))

    assert together(acts) == [True] * 50

    found = owners(tmp_path)
    assert len(found) == 100
    assert sorted(found.values()) == sorted(2 * [call.container for call in ours + theirs])


def test_comings_and_goings_of_both_leave_nothing(tmp_path: Path) -> None:
    def ours(call: Call) -> None:
        for _turn in range(5):
            HostLocal().add(call)
            HostLocal().check(call)
            HostLocal().delete(call)

    def theirs(call: Call) -> None:
        for _turn in range(5):
            assert debian.run("host-local", "ADD", call)["ips"]
            assert debian.run("host-local", "CHECK", call) is None
            assert debian.run("host-local", "DEL", call) is None

    acts: list[Callable[[], object]] = []
    for number in range(6):
        call = the_call(tmp_path, f"pod{number}")
        acts.append(partial(theirs if number % 2 else ours, call))

    assert together(acts) == [True] * 6
    assert owners(tmp_path) == {}


def test_exhausted_by_many_at_once_nobody_gets_half(tmp_path: Path) -> None:
    ranges = [[{"subnet": "fd00::/64"}], [{"subnet": "10.1.0.0/28"}]]
    calls = [the_call(tmp_path, f"pod{n}", ranges=ranges) for n in range(20)]

    done = together([partial(HostLocal().add, call) for call in calls])

    assert sorted(done) == [False] * 7 + [True] * 13
    assert len(owners(tmp_path)) == 26


def test_everybody_waits_for_the_lock(tmp_path: Path) -> None:
    gate, handle = os.pipe()

    def enter() -> None:
        os.close(handle)
        os.read(gate, 1)
        HostLocal().add(the_call(tmp_path))

    child = in_child(enter)  # before there is a lock, or it would have a share in it
    with Leases(f"{tmp_path}/blue"):
        os.close(handle)
        waits_for_a_lock(child)
        assert not (tmp_path / "blue/10.1.0.2").exists()

    os.close(gate)
    assert ends_well(child)
    assert set(owners(tmp_path).values()) == {"one"}


def waits_for_a_lock(pid: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with open("/proc/locks", encoding="ascii") as file:
            if any(line.split()[1:6:4] == ["->", str(pid)] for line in file):
                return
    raise AssertionError("it does not wait")


def die_at(line: int) -> None:
    """Kill this process before the ``line``-th line that it passes in the rooms under test."""
    left = line

    def trace(frame: Any, event: str, _argument: object) -> Any:
        nonlocal left
        if not any(room in frame.f_code.co_filename for room in ROOMS):
            return None
        if event == "line":
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def dying(act: Callable[[], object]) -> Iterator[int]:
    """Do ``act`` again and again, killed a line later each time; yield the line."""
    for line in range(1, 5000):

        def short_lived(line: int = line) -> None:
            die_at(line)
            act()

        if ends_well(in_child(short_lived)):
            return
        yield line
    raise AssertionError("it never came to its end")


def test_killed_anywhere_a_lease_is_whole_or_not_there(tmp_path: Path) -> None:
    HostLocal().add(the_call(tmp_path, "before"))
    seen = set()
    lines = 0
    for line in dying(lambda: HostLocal().add(the_call(tmp_path, "killed"))):
        found = {file.name: file.read_bytes() for file in (tmp_path / "blue").glob("*[.:]?")}
        mine = {name for name, content in found.items() if content == b"killed\r\neth0"}
        assert {"10.1.0.2", "fd00::2"} == {
            n for n, content in found.items() if content == b"before\r\neth0"
        }
        rest = set(found) - mine - {"10.1.0.2", "fd00::2"}
        assert rest == {"last_reserved_ip.0", "last_reserved_ip.1"}
        other = HostLocal().add(the_call(tmp_path, "other")).addresses
        assert not mine & {one.address.partition("/")[0] for one in other}
        seen.add(len(mine))
        lines = line
        for container in ("killed", "other"):
            HostLocal().delete(the_call(tmp_path, container))
        assert set(owners(tmp_path).values()) == {"before"}
    assert lines > 100
    assert seen == {0, 1, 2}


def test_killed_anywhere_a_deletion_can_be_repeated(tmp_path: Path) -> None:
    call = the_call(tmp_path, "gone")
    HostLocal().add(the_call(tmp_path, "stays"))
    HostLocal().add(call)
    left = set()
    for _line in dying(lambda: HostLocal().delete(call)):
        left.add(sum(owner == "gone" for owner in owners(tmp_path).values()))
        HostLocal().delete(call)
        assert set(owners(tmp_path).values()) == {"stays"}
        HostLocal().add(call)
    assert left == {0, 1, 2}


def test_killed_anywhere_a_reclaim_takes_nothing_from_the_living(tmp_path: Path) -> None:
    def gone(lease: Lease) -> bool:
        return lease.container == "gone"

    HostLocal().add(the_call(tmp_path, "stays"))
    HostLocal().add(the_call(tmp_path, "gone"))
    for _line in dying(lambda: reclaim(f"{tmp_path}/blue", gone)):
        assert list(owners(tmp_path).values()).count("stays") == 2
        reclaim(f"{tmp_path}/blue", gone)
        assert set(owners(tmp_path).values()) == {"stays"}
        HostLocal().add(the_call(tmp_path, "gone"))


def test_what_debians_program_left_when_it_died_costs_one_address(tmp_path: Path) -> None:
    (tmp_path / "blue").mkdir()
    (tmp_path / "blue/10.1.0.2").touch()

    assert HostLocal().add(the_call(tmp_path)).addresses[0].address == "10.1.0.3/24"
    assert reclaim(f"{tmp_path}/blue", lambda lease: not lease.container) == [
        Lease("10.1.0.2", "", "")
    ]
    assert HostLocal().add(the_call(tmp_path, "two")).addresses[0].address == "10.1.0.2/24"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", 0) as file:
        while True:
            file.write(b"x" * 4096)


def test_a_full_disk_is_an_error_and_leaves_nothing(small_disk: Path) -> None:
    HostLocal().add(the_call(small_disk, "before"))
    fill(small_disk)

    with pytest.raises(IpamError) as caught:
        HostLocal().add(the_call(small_disk, "late"))

    assert caught.value.message == (
        f"cannot use the leases in {small_disk}/blue: No space left on device"
    )
    assert set(owners(small_disk).values()) == {"before"}
    HostLocal().delete(the_call(small_disk, "before"))
    assert owners(small_disk) == {}


def test_a_disk_that_fills_up_between_two_addresses_keeps_neither(small_disk: Path) -> None:
    HostLocal().add(the_call(small_disk, "before"))
    fill(small_disk)
    with (small_disk / "ballast").open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) - 4096)  # room for one lease

    with pytest.raises(IpamError, match="No space left on device"):
        HostLocal().add(the_call(small_disk, "late"))

    assert set(owners(small_disk).values()) == {"before"}


def test_an_exhausted_network_goes_on_after_a_reclaim(tmp_path: Path) -> None:
    tiny = {"subnet": "10.1.0.0/30"}
    HostLocal().add(the_call(tmp_path, "gone", **tiny))

    with pytest.raises(ExhaustedError) as caught:
        HostLocal().add(the_call(tmp_path, "new", **tiny))
    assert reclaim(caught.value.directory, lambda lease: lease.container == "gone")

    assert HostLocal().add(the_call(tmp_path, "new", **tiny)).addresses[0].address == "10.1.0.2/30"
