"""Which system calls the filter of a whole pod opens."""

from __future__ import annotations

from rktpy.nspawn import podfilter
from tests.unit.nspawn.plans import app, pod


def test_an_app_that_may_set_the_clock_opens_the_calls_for_it() -> None:
    usual = podfilter.allowed(pod(app(capabilities=())), "x86_64")
    clock = podfilter.allowed(pod(app(capabilities=("CAP_SYS_TIME",))), "x86_64")

    assert set(clock) - set(usual) >= {"clock_settime", "settimeofday"}


def test_an_app_without_bounds_opens_all_that_a_capability_can() -> None:
    opened = podfilter.allowed(pod(app(capabilities=None)), "x86_64")

    assert {"init_module", "iopl", "acct", "clock_settime"} <= set(opened)
    assert not {"bpf", "keyctl", "kexec_load", "swapon", "open_by_handle_at"} & set(opened)
