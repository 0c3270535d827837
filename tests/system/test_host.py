"""The host itself is what the other tests of this tier take it for."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.remote import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.container import ContainerHost

TREE = "/srv/tree"


@pytest.fixture
def tree(host: ContainerHost) -> Iterator[str]:
    """A root with nothing but a static shell."""
    host.sh(
        'mkdir -p "$1/usr" "$1/bin" "$1/etc"; cp /bin/busybox "$1/bin/sh"; '
        'ln -s sh "$1/bin/sleep"; : > "$1/etc/os-release"',
        TREE,
    )
    yield TREE
    host.sh('rm -rf "$1"', TREE)


def test_a_command_gives_its_own_exit_status_and_both_outputs(host: ContainerHost) -> None:
    result = host.run(["sh", "-c", "echo out; echo err >&2; exit 7"], status=7)

    assert (result.stdout, result.stderr) == ("out\n", "err\n")


def test_a_command_killed_by_a_signal_says_so(host: ContainerHost) -> None:
    assert host.run(["sh", "-c", "kill -TERM $$"], status=None).status == -signal.SIGTERM


def test_an_unexpected_exit_status_is_an_error_with_the_output(host: ContainerHost) -> None:
    with pytest.raises(HostError, match="over there"):
        host.run(["sh", "-c", "echo over there; exit 1"])


def test_a_command_runs_in_a_login_session_and_in_no_service(host: ContainerHost) -> None:
    line = host.sh("grep name=systemd /proc/self/cgroup").stdout

    assert "/user.slice/user-0.slice/session-" in line
    assert line.strip().endswith(".scope")


def test_large_input_and_output_arrive_whole(host: ContainerHost) -> None:
    data = "x" * 3_000_000

    assert host.run(["cat"], stdin=data.encode()).stdout == data


def test_a_command_may_have_a_terminal(host: ContainerHost) -> None:
    process = host.start(["sh", "-c", "tty; read line; echo got $line"], tty=True)
    process.wait_for_output("/dev/pts/")
    process.write(b"hello\n")

    assert "got hello" in process.wait().stdout


def test_a_process_left_in_the_background_is_reported(host: ContainerHost) -> None:
    before = host.snapshot()
    process = host.start(["sleep", "333"])
    found = host.leaks(before, deadline=0)
    process.kill(9)
    process.wait()

    assert any("sleep 333" in line for line in found)


def test_a_service_limit_is_enforced(host: ContainerHost) -> None:
    eat = "bytearray(200 << 20)"
    limit = ["-p", "MemoryMax=60M", "-p", "MemorySwapMax=0"]
    argv = ["systemd-run", "--wait", "--pipe", "--quiet", "--collect", *limit, "python3", "-c", eat]

    assert host.run(argv, status=None).status != 0
    assert host.run([*argv[:5], *argv[9:]]).status == 0


def test_a_nested_machine_registers_and_ends_by_machinectl(host: ContainerHost, tree: str) -> None:
    nspawn = host.start(["systemd-nspawn", "-q", "-D", tree, "-M", "one", "sleep", "100"])
    host.wait_until("machinectl show one -p Leader")
    unit = host.sh("machinectl show one -p Unit --value").stdout.strip()
    slice_of = host.sh('systemctl show "$1" -p Slice --value', unit).stdout.strip()
    host.sh("machinectl terminate one")
    nspawn.wait(timeout=15)

    assert (unit, slice_of) == ("machine-one.scope", "machine.slice")


def test_a_machine_in_a_service_keeps_the_cgroup_of_the_service(
    host: ContainerHost, tree: str
) -> None:
    result = host.run(
        ["systemd-run", "--wait", "--pipe", "--quiet", "--collect", "--slice=machine",
         "--unit=kept", "-p", "Delegate=yes", "systemd-nspawn", "-q", "--keep-unit", "-D", tree,
         "-M", "two", "sh", "-c", "exit 8"],
        status=8,
    )  # fmt: skip

    assert result.stderr == ""


def test_the_journal_is_readable_from_outside(host: ContainerHost) -> None:
    host.run(["systemd-cat", "-t", "marker", "echo", "seen from outside"])
    host.sh("journalctl --sync")
    line = host.evidence.split()
    assert line[:2] == ["journalctl", "-D"]
    host.sh("journalctl -t marker -o cat | grep -q 'seen from outside'")
