"""What becomes the pod's systemd: programs that do for its PID 1 what nspawn has no option for.

``env --block-signal`` keeps the signal by which nspawn asks for the end (ADR 40): the kernel drops
signals that the first process of a PID namespace does not take, and systemd takes none for the
first hundredth of a second. What is blocked waits until systemd reads it.

``setpriv --pdeathsig KILL`` ties the pod to nspawn: one that is killed takes its pod along (ADR
30). The kernel kills PID 1 when its parent ends, and keeps that in mind when it becomes systemd
(prctl(2), PR_SET_PDEATHSIG). The parent is nspawn: what forks PID 1 has ended by then, and nspawn
is a subreaper. A signal from outside of a PID namespace ends its first process, whatever that
wants, and so all of them.
"""

from __future__ import annotations

import os

from rktpy.host import process

HALT = "SIGRTMIN+3"  # what systemd takes as a request to end (systemd(1))
_SYSTEMD = "/usr/lib/systemd/systemd"  # what nspawn --boot looks for first
_DIRECTORY = "/usr/bin"  # in the pod's tree
# In the order in which each executes the next.
_OPTIONS = {
    "env": ("--block-signal=RTMIN+3",),  # coreutils 8.31
    "setpriv": ("--pdeathsig", "KILL"),  # util-linux 2.33
}


def programs_in(root: str) -> tuple[str, ...]:
    """Return which of the programs the stage1 tree at ``root`` has.

    Those of pods that an older rktpy prepared lack some, as do those made on a host without them.
    """
    return tuple(name for name in _OPTIONS if os.access(f"{root}{_DIRECTORY}/{name}", os.X_OK))


def init(programs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command that becomes the pod's systemd by way of ``programs``, to which arguments
    are added."""
    words: list[str] = []
    for name in programs:
        words += (f"{_DIRECTORY}/{name}", *_OPTIONS[name])
    return (*words, _SYSTEMD)


def find_programs() -> dict[str, str]:
    """Return ``{name: path}`` of the programs that the host has."""
    found = {name: process.find_program(name, process.DEFAULT_PATH) for name in _OPTIONS}
    return {name: path for name, path in found.items() if path}


def works(name: str, path: str) -> bool:
    """Return whether the program at ``path`` knows the options of ``name``: those of busybox do
    not."""
    try:
        process.run([path, *_OPTIONS[name], path, "--help"])
    except process.CommandError:
        return False
    return True
