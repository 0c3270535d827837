"""What a test left behind: a snapshot before, one after, and the difference as sentences.

The file runs in two places: imported by the tests, and on its own inside a test host
(``python3 -I leaks.py``: the snapshot as JSON, exit status 123). The standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Snapshot = dict[str, list[str]]

# Seconds for what is being torn down to be gone; only what stays for good takes so long.
PATIENCE = 30.0
SENTINEL = 123  # exit status of a snapshot that is complete

# A booted host starts and stops these by itself, whenever somebody asks the bus for them.
OWN_SERVICES = re.compile(
    r"^(systemd-[\w@.-]+|user@\d+|user-runtime-dir@\d+|dbus|modprobe@\w+|getty@\w+|"
    r"console-getty|serial-getty@\w+|rktpy-test-agent|apt-\w+|logrotate|man-db)"
    r"\.(service|socket|slice|mount)$"
)
OWN_PROCESSES = re.compile(r"^\(?(systemd|sd-|dbus-daemon|agetty|login|\(sd-)")
OWN_MOUNTS = ("/run/credentials/", "/run/user/", "/proc/sys/fs/binfmt_misc", "/sys/fs/fuse")
# Below /run only what pods and networks put there; the rest belongs to the host's own services.
RUN_DIRS = ("rktpy", "rkt", "netns", "systemd/machines", "systemd/nspawn", "systemd/transient",
            "systemd/system", "lock")  # fmt: skip
# What the next run finds again, by design.
KEPT_FILES = ("/run/rktpy/host.json", "/run/rktpy/podfilter-", "/run/lock/subsys")
CGROUP_ROOT = "/sys/fs/cgroup"
NAMES = "/run/netns"  # a mount of its own from the first named namespace on, as ip(8) has it
LEASES = "/var/lib/cni/networks"
# What an administrator writes: a unit that stays enabled meets the tests behind it at a reboot.
SETTINGS = ("/etc/systemd/system", "/etc/rktpy")
# A request for all tables of nftables: linux/netlink.h, linux/netfilter/nf_tables.h. Each test asks
# twice, and to start nft(8) for that took a third of the time of a look.
NETLINK_NETFILTER, NFT_NEWTABLE, NFT_GETTABLE, NFTA_TABLE_NAME = 12, 0x0A00, 0x0A01, 1
NLM_F_REQUEST_DUMP, NLMSG_ERROR, NLMSG_DONE = 0x301, 2, 3
FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
LOOP_FILES = ["/"]  # where the file of a loop device is if it can be ours
BOOT = "boot"  # what a snapshot says of the kernel that it was taken on


def take() -> Snapshot:
    """Return what there is now, seen from the caller's namespaces."""
    # In a host every process; elsewhere only what descends from us, as somebody else's come and go.
    ours = _pids() if is_host() else sorted(descendants(os.getpid()))
    return {
        "mount": sorted(_mounts()),
        "netns": sorted(_namespaces(ours)),
        "link": sorted(name for _, name in socket.if_nameindex()),
        "cgroup": sorted(_cgroups()),
        "nft table": sorted(_tables()),
        "loop device": sorted(_loops()),
        "process": sorted(_processes(ours)),
        "file": sorted(_run_files()),
        "lease": sorted(_leases()),
        "setting": sorted(_settings()) if is_host() else [],
        BOOT: [_boot_id()],
    }


def of_another_boot(snapshot: Snapshot) -> Snapshot:
    """Return what of ``snapshot`` can be compared with one of another boot, where processes and
    namespaces have other numbers.
    """
    kept = {kind: things for kind, things in snapshot.items() if kind != BOOT}
    kept["netns"] = ["one"] * len(kept["netns"])
    kept["process"] = sorted(thing.partition(" ")[2] for thing in kept["process"])
    return kept


def compare(before: Snapshot, after: Snapshot) -> list[str]:
    """Return one sentence for each thing in ``after`` that ``before`` had not."""
    found = []
    for kind, things in after.items():
        left = list(before.get(kind, []))
        for thing in things:
            if thing in left:
                left.remove(thing)
            else:
                found.append(f"{kind} left behind: {thing}")
    return found


def settled(
    before: Snapshot, taken: Callable[[], Snapshot] = take, *, deadline: float = PATIENCE
) -> list[str]:
    """Return what is left, giving what is still being torn down ``deadline`` seconds."""
    end = time.monotonic() + deadline
    while (found := compare(before, taken())) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _mounts() -> Iterator[str]:
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            fields, _, more = line.partition(" - ")
            target = fields.split()[4]
            if not target.startswith(OWN_MOUNTS) and target != NAMES:
                yield f"{target} ({more.split()[0]})"


def _namespaces(pids: Iterable[int]) -> Iterator[str]:
    """Network namespaces held by a process, each once; those held by a file are mounts."""
    seen = set()
    for pid in pids:
        try:
            seen.add(os.readlink(f"/proc/{pid}/ns/net"))
        except OSError:
            continue
    yield from seen


def _cgroups() -> Iterator[str]:
    for root in own_cgroups():
        for where, folders, _ in os.walk(root):
            folders[:] = [f for f in folders if not OWN_SERVICES.match(f)]
            if where != root and not where.endswith(".slice"):  # slices are folders, and stay
                yield where


def own_cgroups() -> list[str]:
    """Return our cgroup in each hierarchy that is mounted where systemd puts it."""
    found = []
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, names, path = line.rstrip("\n").split(":", 2)
            place = names.removeprefix("name=")
            if not place:
                place = "unified" if os.path.isdir(f"{CGROUP_ROOT}/unified") else ""
            # Inside a host the view starts at the host's root: everything below is ours.
            root = os.path.normpath(f"{CGROUP_ROOT}/{place}{'' if is_host() else path}")
            if os.path.isdir(root):
                found.append(root)
    return found


def is_host() -> bool:
    """Return whether we run inside a test host, where all there is belongs to the tests."""
    return os.path.isdir("/usr/lib/rktpy-test")


def _tables() -> Iterator[str]:
    """Tables of nftables as ``nft list tables`` has them; none if the kernel knows no such."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as asked:
        asked.send(struct.pack("=IHHII4x", 20, NFT_GETTABLE, NLM_F_REQUEST_DUMP, 1, 0))
        while True:
            data = asked.recv(1 << 16)
            while data:
                size, kind = struct.unpack_from("=IH", data)
                if kind in {NLMSG_ERROR, NLMSG_DONE}:
                    return
                if kind == NFT_NEWTABLE:
                    name = _attribute(data[20:size], NFTA_TABLE_NAME)
                    yield f"table {FAMILIES.get(data[16], data[16])} {name}"
                data = data[(size + 3) & ~3 :]


def _attribute(data: bytes, wanted: int) -> str:
    """Return the text of one of the attributes in ``data``, or an empty string."""
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        if kind == wanted:
            return data[4:size].rstrip(b"\0").decode("utf-8", "replace")
        data = data[(size + 3) & ~3 :]
    return ""


def _leases() -> Iterator[str]:
    for where, _, files in os.walk(LEASES):
        yield from (f"{where}/{name}" for name in files if re.match(r"[0-9a-f]*[.:_]", name))


def _settings() -> Iterator[str]:
    for folder in SETTINGS:
        for where, folders, names in os.walk(folder):
            links = [name for name in folders if os.path.islink(f"{where}/{name}")]
            yield from (f"{where}/{name}" for name in (*names, *links))


def _loops() -> Iterator[str]:
    for name in os.listdir("/sys/block") if os.path.isdir("/sys/block") else ():
        try:
            with open(f"/sys/block/{name}/loop/backing_file", encoding="utf-8") as file:
                backing = file.read().strip()
        except OSError:
            continue
        if backing.startswith(tuple(LOOP_FILES)):
            yield f"{name} on {backing}"


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _processes(pids: Iterable[int]) -> Iterator[str]:
    for pid in pids:
        if pid == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
        except OSError:
            continue
        if line and not OWN_PROCESSES.match(name):
            yield f"{pid} {line[:200]}"


def descendants(pid: int) -> set[int]:
    """Return the process ids of all children of ``pid`` and theirs, zombies left out."""
    parents: dict[int, int] = {}
    for other in _pids():
        try:
            with open(f"/proc/{other}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[other] = int(fields[1])
    found: set[int] = set()
    grown = True
    while grown:
        more = {child for child, parent in parents.items() if parent == pid or parent in found}
        grown = not more <= found
        found |= more
    return found


def clean_up_processes(before: Snapshot) -> None:
    """Kill what ``settled`` complained about, so that the next test starts clean."""
    known = set(before["process"])
    for line in _processes(descendants(os.getpid())):
        if line not in known:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.split()[0]), 9)


def _run_files() -> Iterator[str]:
    for folder in RUN_DIRS:
        for where, _, names in os.walk(f"/run/{folder}"):
            for name in names:
                path = f"{where}/{name}"
                if not path.startswith(KEPT_FILES):
                    yield path


def main() -> int:
    """Print the snapshot of the machine we run on."""
    sys.stdout.write(json.dumps(take()))
    return SENTINEL


if __name__ == "__main__":
    sys.exit(main())
