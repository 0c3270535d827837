"""Which image comes from where, by pull policy, and what is said if from nowhere
(rkt-cli.md 7.2, 7.3).
"""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_POLICIES = "integration/docker/test_policies.py"
_COMMANDS = "integration/image/test_commands.py"
_DEPENDENCIES = "integration/image/test_dependencies.py"
_DISCOVERY = "integration/image/test_discovery.py"
_HTTP = "integration/image/test_http.py"
_PODFLAGS = "unit/cli/test_podflags.py"
_FETCH = "unit/image/test_fetch.py"


def rows() -> list[Shown]:
    return [
        Shown("a hash", f"{_FETCH}::test_a_stored_image_is_found_by_name_hash_and_url"),
        Shown("a file", f"{_COMMANDS}::test_a_file_is_read_whatever_the_policy"),
        Shown("a URL", f"{_HTTP}::test_the_policy_decides_whether_the_server_is_asked"),
        Shown("a docker image", f"{_POLICIES}::test_the_policy_decides_where_an_image_comes_from"),
        Shown("a name: new", f"{_DISCOVERY}::test_a_name_without_a_version_leads_to_the_latest"),
        Shown("a name: update", f"{_DISCOVERY}::test_an_answer_that_holds_counts_for_names_too"),
        Shown(
            "images of a pod manifest: no policy", f"{_PODFLAGS}::test_a_pod_manifest_stands_alone"
        ),
        Shown("dependencies", f"{_DEPENDENCIES}::test_what_is_in_the_store_is_not_asked_for"),
        Shown("not found: a URL", f"{_FETCH}::test_what_cannot_be_had_is_said_in_rkts_words"),
        Shown(
            "not found: a docker image", f"{_FETCH}::test_what_cannot_be_had_is_said_in_rkts_words"
        ),
        Shown("not found: a name", f"{_FETCH}::test_what_cannot_be_had_is_said_in_rkts_words"),
    ]
