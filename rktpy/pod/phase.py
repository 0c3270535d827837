"""Where a pod stands: the directory it is in, the state shown for it, the moves allowed.

A pod's state is never stored. It follows from the directory and from whether somebody holds
the exclusive flock on it, so it is right after every crash (rkt: pkg/pod/pods.go).
"""

from __future__ import annotations


class Phase:
    """Directories below ``pods/``; a pod is in exactly one and moves by rename."""

    EMBRYO = "embryo"
    PREPARE = "prepare"
    PREPARED = "prepared"
    RUN = "run"
    EXITED_GARBAGE = "exited-garbage"
    GARBAGE = "garbage"


class State:
    """The words that ``list`` and ``status`` print."""

    EMBRYO = "embryo"
    PREPARING = "preparing"
    ABORTED_PREPARE = "aborted prepare"
    PREPARED = "prepared"
    RUNNING = "running"
    EXITED = "exited"
    EXITED_DELETING = "exited deleting"
    EXITED_GARBAGE = "exited garbage"
    DELETING = "deleting"
    GARBAGE = "garbage"


# In the order a pod passes them: scanning in this order meets a moving pod at least once.
ALL_PHASES = (
    Phase.EMBRYO,
    Phase.PREPARE,
    Phase.PREPARED,
    Phase.RUN,
    Phase.EXITED_GARBAGE,
    Phase.GARBAGE,
)

# What a user can name or list; the rest is not a pod yet, or no longer one.
VISIBLE_PHASES = (Phase.PREPARE, Phase.PREPARED, Phase.RUN, Phase.EXITED_GARBAGE)

# directory -> (state with the lock free, state with the lock held)
STATES = {
    Phase.EMBRYO: (State.EMBRYO, State.EMBRYO),
    Phase.PREPARE: (State.ABORTED_PREPARE, State.PREPARING),
    Phase.PREPARED: (State.PREPARED, State.PREPARED),
    Phase.RUN: (State.EXITED, State.RUNNING),
    Phase.EXITED_GARBAGE: (State.EXITED_GARBAGE, State.EXITED_DELETING),
    Phase.GARBAGE: (State.GARBAGE, State.DELETING),
}

MOVES = {
    Phase.EMBRYO: (Phase.PREPARE,),
    Phase.PREPARE: (Phase.PREPARED, Phase.RUN, Phase.GARBAGE),
    Phase.PREPARED: (Phase.RUN, Phase.GARBAGE),
    Phase.RUN: (Phase.EXITED_GARBAGE,),
    Phase.EXITED_GARBAGE: (),
    Phase.GARBAGE: (),
}

_AFTER_RUN = frozenset(
    (
        State.EXITED,
        State.EXITED_DELETING,
        State.EXITED_GARBAGE,
        State.DELETING,
        State.GARBAGE,
    )
)


def state_of(phase: str, *, locked: bool) -> str:
    """Return the state of a pod that is in directory ``phase``."""
    return STATES[phase][locked]


def asks_lock(phase: str) -> bool:
    """Return whether the lock says anything about a pod in ``phase``."""
    free, held = STATES[phase]
    return free != held


def after_run(state: str) -> bool:
    """Return whether a pod in ``state`` has run (or was given up) and will not run again."""
    return state in _AFTER_RUN
