"""Power fails while pods run, a pod is prepared and an image arrives; then the machine boots.

One cut for all of it, as each costs a boot. Half of what is there was written out before. Of the
other half only names had reached the disk: a journal that is committed for somebody else's fsync(2)
takes along all names, and leaves files empty whose content still waits in memory.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.pods_on_host import RKTPY, SHELL, TRUSTING, quoted_for_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods
    from tests.support.remote import RemoteProcess
    from tests.support.vm import VmHost

_DATA = "/var/lib/rkt"
_STAY = "echo up; exec sleep 1000"
_UNIT = "after-cut.service"
_UUID_FILE = "/run/after-cut"
_URL = "http://127.0.0.1:8099/shell.aci"
# Serves the image; told to stall, one half of it: a tree that is whole would be written out, and
# with it all that waits in memory.
_SERVE = """\
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        data = open("/srv/pods-on-host/shell.aci", "rb").read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", '"one"')
        self.end_headers()
        half = len(data) // 2
        self.wfile.write(data[:half])
        if sys.argv[1:] == ["stall"]:
            time.sleep(1000)
        self.wfile.write(data[half:])
http.server.HTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""
# Commits the journal of the file system, and with it every name, but no content of other files.
_COMMIT = f"""\
import os
fd = os.open("{_DATA}/committed", os.O_WRONLY | os.O_CREAT)
os.write(fd, b"x")
os.fsync(fd)
"""
# From here on the kernel writes only what it is told to (docs/adr/0038-power-cuts.md). A period of
# 0 would wake the flusher at once in each new cgroup, where it may write out everything. A new
# period makes it write once, which the second sync waits for. Nor shall ext4 write out a file that
# replaces another, as it does on its own; other file systems do not.
_PERIOD = 100_000_000  # hundredths of a second: eleven days
_NO_WRITEBACK = (
    "mount -o remount,noauto_da_alloc /; "
    f"sysctl vm.dirty_writeback_centisecs={_PERIOD} vm.dirty_expire_centisecs={_PERIOD}; sync; sync"
)


@pytest.fixture
def unit(host: VmHost, pods: Pods) -> Iterator[str]:
    """A service that starts a pod with a network of its own at every boot."""
    argv = [*TRUSTING, "run", f"--uuid-file-save={_UUID_FILE}", SHELL, "--", _STAY]
    lines = (
        "[Service]", f"ExecStart={quoted_for_unit(argv)}", f"ExecStopPost={RKTPY} gc --mark-only",
        "KillMode=mixed", "Delegate=yes", "[Install]", "WantedBy=multi-user.target", "",
    )  # fmt: skip
    host.write(f"/etc/systemd/system/{_UNIT}", "\n".join(lines))
    host.sh(f"systemctl enable --now {_UNIT}")
    yield _started(pods)
    host.sh(f"systemctl disable --now {_UNIT}; rm /etc/systemd/system/{_UNIT} {_DATA}/committed")
    host.sh("systemctl daemon-reload")


def _started(pods: Pods) -> str:
    pods.host.wait_until(f"test -s {_UUID_FILE}")
    uuid = pods.host.read(_UUID_FILE).strip()
    pods.rktpy("status", "--wait-ready=120s", uuid)
    return uuid


def _serve(host: VmHost, *args: str) -> RemoteProcess:
    process = host.start(["python3", "-c", _SERVE, *args])
    host.wait_until("ss -Hltn 'sport = :8099' | grep -q .")
    return process


def _fetch_half(host: VmHost) -> None:
    _serve(host, "stall")
    host.start([*TRUSTING, "fetch", _URL])
    host.wait_until(f"test -s {_DATA}/cas/download/*/body")


def _prepare_half(host: VmHost) -> str:
    """Leave a pod half prepared: it waits for the directory of names, which somebody has locked."""
    host.start(["flock", f"{_DATA}/names", "sleep", "1000"])
    host.wait_until(f"! flock -n {_DATA}/names true")
    host.start([*TRUSTING, "prepare", "--pod-name=half", SHELL])
    host.wait_until(f"test -s {_DATA}/pods/prepare/*/name")
    return host.sh(f"ls {_DATA}/pods/prepare").stdout.strip()


def _run_unwritten(pods: Pods) -> str:
    """Leave a pod running of which only names will be on the disk."""
    named = ("--private-users", "--pod-name=lost", "--net=default")
    return pods.from_shell([*TRUSTING, "run", *named, SHELL, "--", _STAY]).wait_active().uuid


def _filled(host: VmHost, *pods: str) -> list[str]:
    """Return the files in the directories ``pods`` that are not empty."""
    return host.sh('find "$@" -maxdepth 1 -type f -size +0', *pods).stdout.splitlines()


def _written(host: VmHost, *pods: str) -> list[str]:
    """Return those whose content the kernel has given a place on the disk."""
    filled = _filled(host, *pods)
    assert f"{pods[0]}/pod" in filled
    waiting = 'for file; do if filefrag -v "$file" | grep -q delalloc; then echo "$file"; fi; done'
    return sorted(set(filled) - set(host.sh(waiting, *filled).stdout.splitlines()))


def _left(host: VmHost) -> list[str]:
    """Return what pods have outside their directories."""
    places = f"{_DATA}/names {_DATA}/locks/private-users /var/lib/cni/networks /var/log/journal"
    return host.sh(f"find {places} -type l -o -name '[0-9]*.*.*.*'").stdout.splitlines()


def test_a_power_cut_costs_what_ran_and_nothing_else(host: VmHost, pods: Pods, unit: str) -> None:
    prepared = pods.rktpy("prepare", "--quiet", SHELL, "--", "exit 5").strip()
    host.sh(_NO_WRITEBACK)
    _fetch_half(host)
    lost = _run_unwritten(pods)
    half = _prepare_half(host)
    host.run(["python3", "-c", _COMMIT])
    assert _written(host, f"{_DATA}/pods/run/{lost}", f"{_DATA}/pods/prepare/{half}") == []
    host.cut_power()
    again = _started(pods)
    assert _filled(host, f"{_DATA}/pods/run/{lost}", f"{_DATA}/pods/prepare/{half}") == []

    listed = pods.rktpy("list", "--full", "--no-legend", "--fields=uuid,state").splitlines()
    states = {row[0]: row[-1] for row in (line.split("\t") for line in listed)}
    assert states == {unit: "exited", lost: "exited", half: "aborted prepare",
                      prepared: "prepared", again: "running"}  # fmt: skip
    assert all("ended-by=" in pods.rktpy("status", uuid) for uuid in (unit, lost))
    json.loads(pods.rktpy("list", "--format=json"))

    pods.rktpy("gc", "--grace-period=0s")
    mine = json.loads(pods.rktpy("status", "--format=json", again))["networks"][0]["ip"]
    assert pods.states() == {prepared: "prepared", again: "running"}
    assert _left(host) == [f"/var/lib/cni/networks/default/{mine}",
                           f"/var/log/journal/{again.replace('-', '')}"]  # fmt: skip

    pods.rktpy("run-prepared", prepared, status=5)
    server = _serve(host)
    pods.rktpy("fetch", _URL)
    server.kill(9)
    pods.rktpy("image", "verify", SHELL)
    assert host.sh(f"ls {_DATA}/cas/tmp {_DATA}/cas/download").stdout.split() == [
        f"{_DATA}/cas/download:", f"{_DATA}/cas/tmp:"]  # fmt: skip
