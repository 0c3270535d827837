"""Looking at, ending and removing pods and images: the errors (rkt-cli.md 12.6, 12.8)."""

from __future__ import annotations

from tests.conformance.rkt.case import FAILED, Case

_GONE = "0f746094-3438-42bc-ab37-3cf85f132e60"


def cases() -> tuple[Case, ...]:
    """Return the cases of this room."""
    return tuple(
        Case(source, name, command, expect=expect, status=FAILED)
        for source, name, command, expect in (
            ("rm_test", "unknown pod", ("rm", _GONE), f'no matches found for "{_GONE}"'),
            ("rm_test", "empty UUID", ("rm", ""), "UUID cannot be empty"),
            ("cat_manifest_test", "unknown pod", ("cat-manifest", "1234567890abcdef"),
             "no matches found for"),
            ("image_cat_manifest", "no hash", ("image", "cat-manifest", "sha512-not-existed"), ""),
            ("image_cat_manifest", "no name",
             ("image", "cat-manifest", "some~random~aci~name"), ""),
            ("image_list_test", "unknown hash", ("image", "cat-manifest", "sha512-12341234"),
             "no image IDs found"),
            ("image_list_test", "one digit", ("image", "cat-manifest", "sha512-1"),
             "image ID too short"),
        )
    )  # fmt: skip
