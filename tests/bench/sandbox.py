"""A private place to measure in: own mount, PID and network namespaces that vanish with the bench.

Everything is below ``HOME``, a bind of a fresh directory on disk, so that paths inside stored
podman state are the same in every run. When the bench ends, however it ends, the kernel kills what
it started and drops what it mounted; the parent then removes the directory and our cgroups.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.sandbox import Cgroups

HOME = Path("/srv")  # exists on every host (hier(7)); covered in our namespace only
CGROUP = "rktpy-bench"  # podman's containers go below /rktpy-bench-<pid of the parent>
_PODMANS = "libpod_parent"  # podman makes it for pods although it was told another place
_INSIDE = "RKTPY_BENCH_INSIDE"

# Covered by empty file systems: what else the programs under test write to, and what would let them
# find the host's systemd, so that the bench measures the same placement on every machine.
_COVERED = ("/run", "/var/lib", "/dev/shm")
_RUN_DIRECTORIES = ("/run/systemd/nspawn", "/run/lock", "/run/netns")
_NUMBERS = itertools.count()  # of what was set aside


def enter(arguments: list[str], *, module: str = "tests.bench") -> None:
    """Return inside the sandbox; outside it, run the bench there, clean up and exit as it did.

    ``arguments`` are those of ``module``, for the second start.
    """
    if os.environ.get(_INSIDE):
        _settle()
        return
    directory = tempfile.mkdtemp(prefix="rktpy-bench-")
    group = f"{CGROUP}-{os.getpid()}"
    pods = _cgroups(_PODMANS)
    command = [
        "/usr/bin/unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc",
        "--propagation=private", sys.executable, "-m", module, *arguments,
    ]  # fmt: skip
    environment = os.environ | {_INSIDE: f"{directory}:{group}"}
    # What the pods leave in the hierarchies is below cgroups of our own.
    cgroups = Cgroups()
    # A polite end cleans up too; whoever kills this process leaves a directory below /tmp.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        status = subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        status = 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        for path in [*_cgroups(group), *(_cgroups(_PODMANS) - pods)]:
            _remove_cgroup(path)
        cgroups.leave()
    sys.exit(status if status >= 0 else 128 - status)


def is_entered() -> bool:
    """Return whether this process is in the sandbox already."""
    return bool(os.environ.get(_INSIDE))


def cgroup_parent() -> str:
    """Return the cgroup, from the root of each hierarchy, that peers may put theirs below."""
    return "/" + os.environ[_INSIDE].rpartition(":")[2]


def set_aside(path: Path) -> None:
    """Move ``path`` out of the way, if it is there; it goes with the bench.

    Not deleted: on ext4 that waits for the disk, and makes it slower for some minutes to create new
    files nearby. Neither is what a row is about.
    """
    aside = HOME / "aside"
    aside.mkdir(exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        path.rename(aside / str(next(_NUMBERS)))


def reap() -> None:
    """Collect the orphans that were handed to us, the init process of this PID namespace."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def wait_until_gone(*names: str, seconds: float = 60) -> None:
    """Return when no process of these names is left in the sandbox.

    Raises:
        TimeoutError: some are there after ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while True:
        reap()
        found = {name for name in _process_names() if name in names}
        if not found:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"still running: {', '.join(sorted(found))}")
        time.sleep(0.05)


def _process_names() -> list[str]:
    names = []
    for path in Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            names.append(path.read_text().strip())
    return names


def _settle() -> None:
    directory = os.environ[_INSIDE].rpartition(":")[0]
    _mount("--bind", directory, str(HOME))
    for where in _COVERED:
        _mount("-t", "tmpfs", "-o", "mode=1777", "rktpy-bench", where)
    for where in _RUN_DIRECTORIES:
        Path(where).mkdir(parents=True)
    subprocess.run(["/usr/sbin/ip", "link", "set", "lo", "up"], check=True)
    with contextlib.suppress(OSError):  # less of what else the machine does; the same for all
        os.setpriority(os.PRIO_PROCESS, 0, -10)


def _mount(*arguments: str) -> None:
    subprocess.run(["/usr/bin/mount", *arguments], check=True)


def _cgroups(name: str) -> set[Path]:
    """Return the cgroups of that name below the roots of all mounted hierarchies."""
    return set(Path("/sys/fs/cgroup").glob(f"*/{name}")) | set(Path("/sys/fs/cgroup").glob(name))


def _remove_cgroup(top: Path) -> None:
    for path, _directories, _files in os.walk(top, topdown=False):
        with contextlib.suppress(OSError):  # still draining, or not ours to remove
            Path(path).rmdir()
