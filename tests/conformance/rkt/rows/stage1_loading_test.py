"""Where stage1 comes from (rkt-cli.md 12.7)."""

from __future__ import annotations

from tests.conformance.rkt.row import FLAVOURS, Entry, Owed, Shown

_FILE = "integration/rkt/test_stage1_loading.py"
_HTTPS = "integration/image/test_stage1.py"
_SHOWN = {
    "configured, name and version as they are": (
        "test_the_configured_image_is_read_from_its_location_until_it_is_stored"
    ),
    "configured, another version": "test_a_version_built_by_hand_is_always_read",
    "configured, another name": "test_a_location_without_a_name_is_always_read",
    "configured, a file URL": "test_a_location_may_be_a_file_url",
    "configured, a relative path": "test_a_relative_location_is_refused",
    "configured, missing, but beside the program": (
        "test_a_missing_file_is_looked_for_beside_the_program_which_needs_no_signature"
    ),
    "configured, http": "test_a_location_is_downloaded_until_the_image_is_stored",
    "--stage1-url, http": "test_an_option_names_a_url",
    "--stage1-path, relative and absolute": "test_an_option_names_a_file",
    "--stage1-url of a file": "test_an_option_names_a_file",
    "--stage1-name": "test_an_option_names_a_stored_image",
    "--stage1-hash": "test_an_option_names_a_stored_image",
    "--stage1-from-dir": "test_an_option_names_a_file",
}


def rows() -> list[Entry]:
    return [
        *(Shown(name, f"{_FILE}::{test}") for name, test in _SHOWN.items()),
        Shown(
            "configured, https", f"{_HTTPS}::test_the_configuration_names_a_signed_image_over_https"
        ),
        Shown("--stage1-url, https", f"{_HTTPS}::test_an_option_names_a_signed_image_over_https"),
        Owed("the stub takes over", "foreign stage1 images", FLAVOURS),
    ]
