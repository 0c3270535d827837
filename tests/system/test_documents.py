"""What how-tos tell people to type on a host with systemd works as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.documents_on_host import TYPED, check_how_to

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


@pytest.mark.parametrize("name", TYPED)
def test_a_how_to_works_as_it_stands(pods: Pods, name: str) -> None:
    check_how_to(pods, name)
