"""``--cpuprofile`` and ``--memprofile``: profiles of one command, for whoever works on rktpy."""

from __future__ import annotations

from rktpy.cli.output import quote
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from rktpy.cli.call import Call


class ProfileError(RktError):
    """The profile cannot be written where the user wants it."""


def run(handler: Callable[[Call], int], call: Call) -> int:
    """Run ``handler`` and leave its profiles in the files the user named.

    The CPU profile is for ``python -m pstats``, the memory profile for ``tracemalloc``.

    Raises:
        ProfileError: a file cannot be created; nothing was run then.
    """
    cpu, memory = str(call.options["cpuprofile"]), str(call.options["memprofile"])
    for kind, path in (("cpu profile", cpu), ("memory profile", memory)):
        if path:
            _create(kind, path)
    if memory:
        import tracemalloc

        tracemalloc.start()
    try:
        return _with_cpu_profile(handler, call, cpu) if cpu else handler(call)
    finally:
        if memory:
            tracemalloc.take_snapshot().dump(memory)


def _with_cpu_profile(handler: Callable[[Call], int], call: Call, path: str) -> int:
    import cProfile

    profile = cProfile.Profile()
    try:
        return profile.runcall(handler, call)
    finally:
        profile.dump_stats(path)


def _create(kind: str, path: str) -> None:
    try:
        with open(path, "wb"):
            pass
    except OSError as error:
        text = f"cannot setup profiling: cannot create {kind} file {quote(path)}"
        raise ProfileError(text) from error
