"""Namespaces are entered and left by path; who cannot leave one does nothing more."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from rktpy.host import netns, syscalls
from rktpy.host.helper import Answer, Helper
from rktpy.host.netlink import links
from rktpy.host.netlink.links import New

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def place() -> Iterator[str]:
    """The path of a namespace, as rkt writes it down."""
    name = netns.new_name()
    netns.make(name)
    if not os.path.islink("/var/run"):
        pytest.fail("/var/run is not a link here")
    yield f"/var/run/netns/{name}"
    netns.remove(name)
    with contextlib.suppress(OSError):
        syscalls.umount2(netns.DIRECTORY, syscalls.MNT_DETACH)


def here() -> int:
    return os.stat("/proc/thread-self/ns/net").st_ino


def descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


def test_a_channel_works_there_while_the_caller_stays(place: str) -> None:
    before, open_before = here(), descriptors()

    with netns.channel(place) as there:
        assert here() == before
        there.perform(links.bridge(New("there0")))
        listed = subprocess.check_output(["ip", "-n", os.path.basename(place), "link"], text=True)
        assert "there0" in listed
        assert "there0" not in subprocess.check_output(["ip", "link"], text=True)

    assert descriptors() == open_before


@pytest.mark.parametrize("failing", [False, True])
def test_a_block_runs_there_and_ends_here(place: str, *, failing: bool) -> None:
    before, open_before = here(), descriptors()

    with contextlib.suppress(KeyError), netns.within(place) as visit:
        assert here() == os.stat(place).st_ino == os.stat(visit.fd).st_ino != before
        if failing:
            raise KeyError

    visit.close()  # twice is fine
    assert here() == before
    assert descriptors() == open_before


def test_the_namespace_of_a_process_is_entered_by_its_path() -> None:
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        there = f"/proc/{process.pid}/ns/net"
        with netns.within(there):
            assert here() == os.stat(there).st_ino
        with netns.channel(there) as kernel:
            assert not kernel.link("lo").up  # ours is


def test_what_is_no_network_namespace_is_refused_and_nothing_stays_open(tmp_path: Path) -> None:
    before, open_before = here(), descriptors()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").touch()
    wrong = (
        (str(tmp_path / "nothing"), "there is no network namespace"),
        (str(tmp_path / "file"), "not a network namespace"),
        (str(tmp_path / "fifo"), "not a network namespace"),  # and nobody waits for a writer
        ("/proc/self/ns/uts", "not a network namespace"),
        (str(tmp_path), "not a network namespace"),
        ("", "there is no network namespace"),
        ("a\0b", "cannot open"),
    )
    for path, message in wrong:
        with pytest.raises(netns.NetnsError, match=message):
            netns.within(path)
        with pytest.raises(netns.NetnsError, match=message):
            netns.channel(path)
    assert (here(), descriptors()) == (before, open_before)


def test_who_may_not_enter_is_told_so_and_stays(place: str) -> None:
    def powerless() -> Answer:
        before, open_before = here(), descriptors()
        syscalls.keep_capabilities(0)
        try:
            netns.channel(place)
        except netns.NetnsError as error:
            same = (here(), descriptors()) == (before, open_before)
            return Answer(
                facts={"error": error.message, "hint": error.hint or "", "same": str(same)}
            )
        return Answer()

    facts = Helper(powerless).wait().facts

    assert "cannot enter the network namespace" in facts["error"]
    assert (facts["hint"], facts["same"]) == ("try as root", "True")


def _all_of(terminal: int) -> bytes:
    """Return what was written to the other end by all that had it open; ours is closed then."""
    said = b""
    with open(terminal, "rb", buffering=0) as told, contextlib.suppress(OSError):  # EIO: its end
        while piece := told.read(200):
            said += piece
    return said


def test_who_cannot_come_home_ends_at_once(place: str, tmp_path: Path) -> None:
    after = tmp_path / "after"
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            with netns.within(place):
                syscalls.keep_capabilities(0)
        finally:
            after.touch()
            os._exit(0)
    said = _all_of(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    assert status == 254
    assert said == b"rktpy: cannot leave a network namespace\r\n"
    assert not after.exists()
