"""What a unit may not take away from a pod, and what is said then."""

from __future__ import annotations

import pytest

from rktpy.systemd.sandbox import Sandbox, SandboxError, check

ALL = {"CapEff": "000001ffffffffff"}


@pytest.mark.parametrize(
    ("sandbox", "message", "directive"),
    [
        (Sandbox(ALL, strangers=True), "a.service has users of its own", "PrivateUsers="),
        (
            Sandbox({"CapEff": "0000000000000001"}),
            "a.service has no CAP_SYS_CHROOT and no CAP_SYS_ADMIN, which a pod needs",
            "CapabilityBoundingSet=",
        ),
        (
            Sandbox({"CapEff": "000001fffffbffff"}),
            "a.service has no CAP_SYS_CHROOT, which a pod needs",
            "CapabilityBoundingSet=",
        ),
        (
            Sandbox(ALL, forbidden=True),
            "a.service forbids system calls that a pod needs",
            "SystemCallFilter=",
        ),
        (
            Sandbox(ALL, read_only_groups=True),
            "the control group of a.service is read-only",
            "ProtectControlGroups=",
        ),
        (Sandbox(ALL, read_only_run=True), "/run is read-only in a.service", "ReadWritePaths=/run"),
    ],
)
def test_what_no_pod_can_do_without_is_named_with_its_directive(
    sandbox: Sandbox, message: str, directive: str
) -> None:
    with pytest.raises(SandboxError) as caught:
        check("a.service", sandbox)
    assert str(caught.value) == message
    assert directive in (caught.value.hint or "")


@pytest.mark.parametrize("status", [ALL, {}, {"CapEff": "000001fffff7ffff"}])
def test_a_unit_that_restricts_nothing_that_counts_is_fine(status: dict[str, str]) -> None:
    check("a.service", Sandbox(status))
