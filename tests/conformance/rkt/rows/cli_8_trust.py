"""Trusted keys, and what is said of signatures that are none (rkt-cli.md 8)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_ERROR_TEXTS = "integration/image/test_error_texts.py"
_KEY_DISCOVERY = "integration/image/test_key_discovery.py"
_LAYERED = "integration/image/test_layered.py"
_TRUST = "integration/image/test_trust.py"
_KEYSTORE = "unit/image/trust/test_keystore.py"
_OPENPGP = "unit/image/trust/test_openpgp.py"


def rows() -> list[Shown]:
    return [
        Shown(
            "keys of the root and of prefixes, the vendor's and the host's",
            f"{_KEYSTORE}::test_a_name_is_signed_by_keys_of_its_prefixes_and_of_the_root",
        ),
        Shown(
            "a file's name is its fingerprint",
            f"{_KEYSTORE}::test_a_file_called_otherwise_than_its_key_stops_everything",
        ),
        Shown(
            "an empty file masks a key", f"{_KEYSTORE}::test_the_host_masks_the_vendors_prefix_key"
        ),
        Shown(
            "trust writes the host's, for everybody to read",
            f"{_KEYSTORE}::test_keys_are_stored_for_everybody_to_read",
        ),
        Shown(
            "later entries win",
            f"{_KEYSTORE}::test_a_prefix_key_counts_though_its_root_twin_is_masked",
        ),
        Shown(
            "a prefix ends with its component",
            f"{_KEY_DISCOVERY}::test_keys_of_one_name_do_not_count_for_its_neighbours",
            different="a key for `example.com/serv` does not count for `example.com/services`",
        ),
        Shown(
            "a file without a signature",
            f"{_TRUST}::test_an_image_is_accepted_when_its_key_is_trusted_for_its_name",
        ),
        Shown("no key, or another", f"{_OPENPGP}::test_a_stranger_is_named_as_rkt_did"),
        Shown(
            "a signature that is not on the server",
            f"{_ERROR_TEXTS}::test_a_signature_that_is_not_there",
        ),
        Shown("a file that is no signature", f"{_TRUST}::test_a_signed_text_is_no_signature"),
        Shown(
            "what to try next",
            f"{_TRUST}::test_an_image_is_accepted_when_its_key_is_trusted_for_its_name",
            different="what to try next follows an error in brackets",
        ),
        Shown(
            "a docker image",
            f"{_LAYERED}::test_without_the_users_word_images_of_layers_are_refused",
        ),
        Shown(
            "keys are looked for first, and once",
            f"{_KEY_DISCOVERY}::test_keys_are_looked_for_once",
        ),
        Shown("keys without TLS", f"{_KEY_DISCOVERY}::test_keys_are_not_taken_over_unverified_tls"),
        Shown(
            "--trust-keys-from-https", f"{_KEY_DISCOVERY}::test_trust_keys_from_https_takes_them"
        ),
        Shown(
            "no terminal: told, and the fetch goes on",
            f"{_KEY_DISCOVERY}::test_fetch_asks_and_without_a_terminal_goes_on_to_refuse",
        ),
        Shown(
            "asked at fetch time only",
            f"{_TRUST}::test_what_was_waived_once_is_demanded_again",
            different=(
                "which key verified an image is kept with it. While verification is on, names and"
                " URLs lead to verified images only"
            ),
        ),
    ]
