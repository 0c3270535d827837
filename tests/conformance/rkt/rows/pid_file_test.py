"""``enter`` while a pod's process ids are missing; rkt never ran these (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_PIDS = "integration/pod/test_pids.py"


def rows() -> list[Shown]:
    waited = "test_pid_one_of_a_pod_that_does_not_come_up_is_waited_for_only_so_long"
    return [
        Shown("a file that is missing is waited for", f"{_PIDS}::{waited}"),
        Shown("waiting ends with the pod", f"{_PIDS}::test_waiting_for_pid_one_ends_with_the_pod"),
    ]
