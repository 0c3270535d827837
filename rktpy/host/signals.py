"""Signals without the enums of the standard ``signal`` module, which cost 10 ms to build."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import (
        SIG_DFL,
        SIG_IGN,
        SIGCONT,
        SIGHUP,
        SIGINT,
        SIGKILL,
        SIGPIPE,
        SIGQUIT,
        SIGSTOP,
        SIGTERM,
        pidfd_send_signal,
        signal,
    )
else:
    from _signal import (
        SIG_DFL,
        SIG_IGN,
        SIGCONT,
        SIGHUP,
        SIGINT,
        SIGKILL,
        SIGPIPE,
        SIGQUIT,
        SIGSTOP,
        SIGTERM,
        pidfd_send_signal,
        signal,
    )

__all__ = [
    "SIG_DFL",
    "SIG_IGN",
    "SIGCONT",
    "SIGHUP",
    "SIGINT",
    "SIGKILL",
    "SIGPIPE",
    "SIGQUIT",
    "SIGSTOP",
    "SIGTERM",
    "pidfd_send_signal",
    "signal",
]
