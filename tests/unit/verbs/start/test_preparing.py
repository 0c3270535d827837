"""What a host must be able to do before a pod is made."""

from __future__ import annotations

import pytest

from rktpy.systemd.facts import HostFacts
from rktpy.verbs.start.preparing import UserNamespaceError, check_user_namespace


def facts(*, mounts: bool, layers: bool) -> HostFacts:
    return HostFacts(
        booted=False,
        cgroup_mode="unified",
        nspawn="/usr/bin/systemd-nspawn",
        systemd=252,
        machined=False,
        manager=False,
        overlay=True,
        idmapped_mounts=mounts,
        idmapped_layers=layers,
    )


@pytest.mark.parametrize("overlay", [False, True])
def test_a_kernel_that_cannot_map_owners_is_refused(*, overlay: bool) -> None:
    with pytest.raises(UserNamespaceError, match="kernel without idmapped mounts"):
        check_user_namespace(facts(mounts=False, layers=False), overlay=overlay)


def test_a_kernel_that_cannot_map_layers_needs_copies() -> None:
    old = facts(mounts=True, layers=False)

    with pytest.raises(UserNamespaceError, match="cannot use both overlay and user namespace"):
        check_user_namespace(old, overlay=True)
    check_user_namespace(old, overlay=False)


@pytest.mark.parametrize("overlay", [False, True])
def test_a_kernel_of_today_is_fine(*, overlay: bool) -> None:
    check_user_namespace(facts(mounts=True, layers=True), overlay=overlay)
