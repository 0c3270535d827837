"""Restores the terminal of an interactive pod that was killed: it is left raw.

systemd-nspawn makes the user's terminal raw and puts it right when it ends, but for SIGKILL. Each
interactive pod notes how the terminal was, and the next command there finds that (ADR 11).
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host import terminal
from rktpy.pod.lifecycle import pods
from rktpy.pod.phase import Phase, State
from rktpy.pod.texts import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.layout import Layout


def put_terminal_right(layout: Layout) -> None:
    """Restore the modes of our terminal if it is raw because a pod was killed in this session.

    A terminal that is raw in any other way is left alone: the program that wants it so may have
    started us. Whatever fails leaves things as they are.
    """
    try:
        for pod in pods(layout, (Phase.RUN, Phase.EXITED_GARBAGE)):
            line = read_text(pod.tree.terminal)
            if line and terminal.was_left_raw(line) and pod.state() != State.RUNNING:
                terminal.put_right(line)
                os.unlink(pod.tree.terminal)  # once: later it may be raw on purpose
                return
    except (OSError, ValueError, RktError):
        return
