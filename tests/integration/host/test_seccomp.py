"""The compiled filter of a pod, in processes of its own: a filter cannot be taken off again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rktpy.flavour.syscall_sets import pod_allowed
from rktpy.host import seccomp
from rktpy.nspawn import podfilter

# What systemd-nspawn 252 opens for every pod by name of a set (src/nspawn/nspawn-seccomp.c).
SETS = ("aio", "basic-io", "chown", "default", "file-system", "io-event", "ipc", "mount",
        "network-io", "process", "resources", "setuid", "signal", "sync", "timer")  # fmt: skip
# Of these the filter keeps shut what no program of today's machines calls.
OTHER_MACHINES = {"cacheflush", "set_tls", "sync_file_range2"}

INSIDE = """
import ctypes, errno, os, socket, sys
sys.path.insert(0, {root!r})
from rktpy.host import seccomp
seccomp.load(open({filters!r}, "rb").read())

def name(call):
    try:
        call()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"

def keyring():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(250, 3, 0, 0, 0, 0) < 0:  # keyctl, KEYCTL_REVOKE
        raise OSError(ctypes.get_errno(), "")

print(name(lambda: os.stat("/")), name(keyring),
      name(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)),
      name(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()))
"""


def members(name: str) -> set[str]:
    """Return the system calls of one of systemd's sets, those in sets within it too."""
    shown = subprocess.run(
        ["systemd-analyze", "syscall-filter", f"@{name}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: set[str] = set()
    for line in shown.stdout.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            found |= members(word[1:])
        elif word and not word.startswith("#"):
            found.add(word)
    return found


@pytest.mark.parametrize("name", SETS)
def test_whatever_nspawn_opens_is_open(name: str) -> None:
    assert members(name) - OTHER_MACHINES <= set(pod_allowed("x86_64", ()))


def test_a_process_under_the_filter_finds_shut_what_is_shut(tmp_path: Path) -> None:
    filters = tmp_path / "filters"
    filters.write_bytes(seccomp.compile_pod_filter(pod_allowed("x86_64", ()), "x86_64"))

    program = INSIDE.format(root=str(Path(seccomp.__file__).parents[2]), filters=str(filters))
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["ok", "EPERM", "EAFNOSUPPORT", "ok"]


@pytest.mark.parametrize("content", [b"\x01", b"\xff\xff", b"\x02\x00" + bytes(8), b"\x00\x00"])
def test_a_damaged_filter_is_not_loaded(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a compiled filter"):
        seccomp.load(content)


PUT_UP = """
import sys
sys.path.insert(0, {root!r})
from rktpy.nspawn import podfilter
from tests.unit.nspawn.plans import pod
answer = podfilter.load_for(pod(), {systemd}, directory={directory!r})
(line,) = [line for line in open("/proc/self/status") if line.startswith("Seccomp_filters")]
print(answer, line.split()[1])
"""


def put_up(directory: Path, systemd: int = 252, program: str = PUT_UP) -> list[str]:
    program = program.format(
        root=str(Path(podfilter.__file__).parents[2]), systemd=systemd, directory=str(directory)
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return [*done.stdout.split(), *done.stderr.splitlines()[-1:]]


def test_the_filter_is_compiled_once_and_mended_if_damaged(tmp_path: Path) -> None:
    assert put_up(tmp_path) == ["True", "2"]
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()

    os.utime(kept, (1, 1))
    assert put_up(tmp_path) == ["True", "2"]
    assert kept.stat().st_mtime == 1  # taken as it was

    kept.write_bytes(whole[:100])
    assert put_up(tmp_path) == ["True", "2"]
    assert kept.read_bytes() == whole


def test_a_host_that_is_refused_keyrings_itself_gets_the_filter_too(tmp_path: Path) -> None:
    twice = PUT_UP.replace(
        "answer =", "podfilter.load_for(pod(), 252, directory={directory!r})\nanswer ="
    )
    first, second = put_up(tmp_path), put_up(tmp_path, program=twice)

    assert (first, second) == (["True", "2"], ["True", "4"])


def test_an_untried_systemd_gets_the_filter_of_its_own_nspawn(tmp_path: Path) -> None:
    assert put_up(tmp_path, systemd=299) == ["False", "0"]


def test_without_a_place_to_keep_it_nspawn_does_it(tmp_path: Path) -> None:
    assert put_up(tmp_path / "missing")[:2] == ["False", "0"]
