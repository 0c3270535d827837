"""A pod with ``--private-users`` on a booted host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.userns_on_host import check_user_namespace

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods


def test_a_service_in_a_user_namespace_works_as_any_other(pods: Pods) -> None:
    check_user_namespace(pods)
