"""Ties the pod's PID 1 to systemd-nspawn: one that is killed takes its pod along (ADR 30).

nspawn has no option for it. ``setpriv --pdeathsig KILL`` asks the kernel to kill it when its
parent ends, and becomes systemd, which keeps that (prctl(2), PR_SET_PDEATHSIG). The parent is
nspawn: what forks the pod's PID 1 has ended by then, and nspawn is a subreaper. A signal from
outside of a PID namespace ends its first process, whatever that wants, and so all of them.
"""

from __future__ import annotations

import os

from rktpy.host import process

PROGRAM = "/usr/bin/setpriv"  # in the pod's tree
_SYSTEMD = "/usr/lib/systemd/systemd"  # what nspawn --boot looks for first
_OPTIONS = ("--pdeathsig", "KILL")  # util-linux 2.33


def tied(root: str) -> bool:
    """Return whether the stage1 tree at ``root`` has what it takes.

    Those of pods that an older rktpy prepared have not, nor those made on a host without setpriv.
    """
    return os.access(root + PROGRAM, os.X_OK)


def init() -> tuple[str, ...]:
    """Return the command that becomes the pod's systemd, to which arguments are added."""
    return (PROGRAM, *_OPTIONS, _SYSTEMD)


def find_program() -> str | None:
    """Return where the host has setpriv, None if it has none."""
    return process.find_program("setpriv", process.DEFAULT_PATH)


def works(program: str) -> bool:
    """Return whether ``program`` knows the options: that of busybox does not."""
    try:
        process.run([program, *_OPTIONS, program, "--help"])
    except process.CommandError:
        return False
    return True
