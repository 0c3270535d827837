"""Names of capabilities are checked before there is a pod."""

from __future__ import annotations

import pytest

from rktpy.appc.isolators import DEFAULT_CAPABILITIES
from rktpy.nspawn.unit.capability_names import (
    CAPABILITIES,
    UnknownCapabilityError,
    check_capabilities,
)


def test_every_capability_has_a_name() -> None:
    assert len(CAPABILITIES) == 41
    assert CAPABILITIES.issuperset(DEFAULT_CAPABILITIES)


def test_known_names_pass_in_any_case() -> None:
    check_capabilities("db", ["CAP_CHOWN", "cap_net_admin"])


@pytest.mark.parametrize("name", ["CAP_NET_ADMINN", "NET_ADMIN", "all", "", "CAP_CHOWN,CAP_KILL"])
def test_any_other_name_is_refused_with_the_app_that_has_it(name: str) -> None:
    with pytest.raises(UnknownCapabilityError, match=f'unknown capability "{name}" of app "db"'):
        check_capabilities("db", ["CAP_CHOWN", name])
