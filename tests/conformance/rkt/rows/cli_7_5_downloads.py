"""How images come over HTTP (rkt-cli.md 7.4, 7.5)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_CONNECTIONS = "integration/image/test_connections.py"
_CREDENTIALS = "integration/image/test_credentials.py"
_DISCOVERY = "integration/image/test_discovery.py"
_ERROR_TEXTS = "integration/image/test_error_texts.py"
_HTTP = "integration/image/test_http.py"
_PROGRESS = "integration/image/test_progress.py"
_RESUMING = "integration/image/test_resuming.py"
_UNIT_DISCOVERY = "unit/image/test_discovery.py"
_DOWNLOAD = "unit/image/test_download.py"


def rows() -> list[Shown]:
    return [
        Shown("max-age: no question", f"{_HTTP}::test_an_answer_that_holds_is_not_asked_for_again"),
        Shown(
            "If-None-Match and 304",
            f"{_HTTP}::test_an_answer_is_renewed_by_a_304",
            different="`no-cache` and `no-store` win over `max-age`, and a 304 renews what holds",
        ),
        Shown(
            "no-store and no-cache",
            f"{_DOWNLOAD}::test_cache_control_says_how_long_an_answer_holds",
            different="`no-cache` and `no-store` win over `max-age`, and a 304 renews what holds",
        ),
        Shown(
            "caching through a redirect", f"{_CONNECTIONS}::test_caching_works_through_a_redirect"
        ),
        Shown(
            "a part of a killed download goes on",
            f"{_RESUMING}::test_a_download_goes_on_where_a_killed_one_ended",
        ),
        Shown(
            "a part stays after an error",
            f"{_RESUMING}::test_leftovers_go_with_image_gc_when_they_are_old",
            different=(
                "a download whose connection broke stays for the next fetch; `image gc` takes it "
                "after its grace period"
            ),
        ),
        Shown(
            "a part of another version",
            f"{_RESUMING}::test_parts_of_two_versions_are_never_glued_together",
            different=(
                "a part of a download is continued only if the server vouches for the version "
                "(`If-Range`, and its answer is compared); whole files are never appended to it"
            ),
        ),
        Shown(
            "a range beyond the end: 416",
            f"{_RESUMING}::test_a_part_longer_than_the_file_begins_anew",
        ),
        Shown(
            "a server without ranges",
            f"{_RESUMING}::test_a_server_without_ranges_sends_it_all_again",
        ),
        Shown(
            "credentials for exactly their host and port",
            f"{_CREDENTIALS}::test_credentials_go_to_exactly_their_host_and_port",
        ),
        Shown(
            "credentials over https only",
            f"{_CONNECTIONS}::test_plain_http_needs_a_word_unless_it_stays_on_this_machine",
        ),
        Shown(
            "credentials stay behind at a redirect",
            f"{_CREDENTIALS}::test_credentials_do_not_follow_to_another_host",
        ),
        Shown("ten redirects", f"{_CONNECTIONS}::test_redirects_end_somewhere"),
        Shown("another status: the archive", f"{_HTTP}::test_a_status_that_is_no_answer_is_told"),
        Shown(
            "another status: the signature", f"{_ERROR_TEXTS}::test_a_signature_that_is_not_there"
        ),
        Shown(
            "a deferred signature: 202",
            f"{_HTTP}::test_a_deferred_signature_is_asked_for_again_after_the_image",
        ),
        Shown(
            "a deferred signature: 202 twice",
            f"{_HTTP}::test_a_signature_that_is_deferred_twice_is_an_error",
        ),
        Shown(
            "User-Agent",
            f"{_CONNECTIONS}::test_a_request_says_which_program_asks",
            different="the program calls itself `rktpy`; `rkt` when called by that name",
        ),
        Shown("progress", f"{_PROGRESS}::test_an_image_file_is_shown_with_its_signature"),
        Shown("where the signature is", f"{_DOWNLOAD}::test_the_signature_lies_beside_its_image"),
        Shown(
            "discovery: each shorter path",
            f"{_DISCOVERY}::test_shorter_paths_are_asked_down_to_the_host",
        ),
        Shown(
            "discovery: templates",
            f"{_UNIT_DISCOVERY}::test_a_template_is_filled_in_once_or_not_at_all",
        ),
        Shown(
            "discovery: http only if allowed", f"{_DISCOVERY}::test_http_is_asked_only_when_allowed"
        ),
        Shown(
            "discovery: another name than asked for",
            f"{_DISCOVERY}::test_an_image_of_another_name_is_refused",
        ),
        Shown(
            "discovery: several endpoints",
            f"{_DISCOVERY}::test_the_first_place_that_can_be_used_is",
            different="discovery tries the places of a page in turn, https first",
        ),
    ]
