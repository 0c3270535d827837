"""``make uninstall`` on a booted host of its own."""

from __future__ import annotations

from tests.support.container import ContainerHost
from tests.support.uninstall_on_host import check_only_data_stays


def test_uninstall_leaves_data_alone_and_nothing_else_of_ours() -> None:
    with ContainerHost() as host:
        check_only_data_stays(host)
