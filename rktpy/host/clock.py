"""Moments of the host, in nanoseconds since 1970."""

from __future__ import annotations

import time


def boot_time() -> int:
    """Return when the kernel started, by the clock as it is set now."""
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
