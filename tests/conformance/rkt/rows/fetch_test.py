"""Images are fetched from files and servers (rkt-cli.md 12.6)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_HTTP = "integration/image/test_http.py"
_RESUMED = "integration/image/test_resuming.py"
_DISC = "integration/image/test_discovery.py"
_DOCKER = "integration/docker/test_policies.py::test_the_policy_decides_where_an_image_comes_from"
_CMD = "integration/image/test_commands.py"


def rows() -> list[Shown]:
    return [
        Shown("a file: fetch", f"{_CMD}::test_a_file_is_read_whatever_the_policy"),
        Shown("a file: only the store", f"{_CMD}::test_a_file_is_read_whatever_the_policy"),
        Shown("a file: without the store", f"{_CMD}::test_a_file_is_read_whatever_the_policy"),
        Shown(
            "a file: run",
            "integration/image/test_running.py::test_only_images_with_a_trusted_signature_run",
        ),
        Shown("a name: new", f"{_DISC}::test_a_name_without_a_version_leads_to_the_latest"),
        Shown(
            "a name: never",
            "unit/image/test_fetch.py::test_what_cannot_be_had_is_said_in_rkts_words",
        ),
        Shown("a name: update", f"{_DISC}::test_a_name_leads_to_its_image"),
        Shown(
            "a name: prepare",
            "integration/image/test_running.py::test_a_pod_is_prepared_from_a_name",
        ),
        Shown("a URL: new", f"{_HTTP}::test_the_policy_decides_whether_the_server_is_asked"),
        Shown("a URL: never", f"{_HTTP}::test_the_policy_decides_whether_the_server_is_asked"),
        Shown("a URL: update", f"{_HTTP}::test_the_policy_decides_whether_the_server_is_asked"),
        Shown("a docker image: fetch", _DOCKER),
        Shown("a docker image: run", _DOCKER),
        Shown("a docker image: prepare", _DOCKER),
        Shown(
            "a docker image without a tag",
            "integration/image/test_registry.py::test_a_token_is_fetched_from_whom_the_registry_names",
        ),
        Shown("a short hash", f"{_CMD}::test_fetch_prints_short_and_full_hashes"),
        Shown("a full hash", f"{_CMD}::test_fetch_prints_short_and_full_hashes"),
        Shown(
            "an answer that holds: a URL",
            f"{_HTTP}::test_an_answer_that_holds_is_not_asked_for_again",
        ),
        Shown(
            "an answer that holds: a name",
            f"{_DISC}::test_an_answer_that_holds_counts_for_names_too",
        ),
        Shown(
            "a download that goes on",
            f"{_RESUMED}::test_a_download_goes_on_where_a_killed_one_ended",
        ),
        Shown(
            "a download that cannot go on",
            f"{_RESUMED}::test_a_server_without_ranges_sends_it_all_again",
        ),
        Shown(
            "a deferred signature",
            "integration/image/test_running.py::test_a_signature_that_comes_later_is_waited_for",
        ),
        Shown(
            "another version than asked for", f"{_DISC}::test_labels_are_those_that_were_asked_for"
        ),
        Shown("latest, asked for", f"{_DISC}::test_labels_are_those_that_were_asked_for"),
        Shown("another arch than asked for", f"{_DISC}::test_labels_are_those_that_were_asked_for"),
        Shown("a label nobody gave", f"{_DISC}::test_labels_are_those_that_were_asked_for"),
    ]
