"""What members of the group may do (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_SHOWN = (
    "integration/image/test_commands.py"
    "::test_members_of_the_group_fetch_list_and_remove_images_of_root"
)


def rows() -> list[Shown]:
    return [
        Shown("list root's images", _SHOWN),
        Shown("collect root's images", _SHOWN),
        Shown("remove root's image", _SHOWN),
        Shown("fetch and remove one's own", _SHOWN),
    ]
