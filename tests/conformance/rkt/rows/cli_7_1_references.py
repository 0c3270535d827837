"""Forms of image arguments, in the order they are tried (rkt-cli.md 7.1)."""

from __future__ import annotations

from tests.conformance.rkt.row import Shown

_NAMES = "unit/image/layered/test_names.py"
_DISTRIBUTION = "unit/image/test_distribution.py"
_REFERENCE = "unit/image/test_reference.py"


def rows() -> list[Shown]:
    return [
        Shown("a hash", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown("an absolute path", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown(
            "an existing file",
            f"{_REFERENCE}::test_an_existing_file_is_a_file_whatever_its_name_looks_like",
        ),
        Shown("a text with a colon", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown("a text with ./", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown("a text ending in .aci", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown("any other text", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown("file, http and https", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown("docker", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown("cimd", f"{_DISTRIBUTION}::test_a_point_is_the_image_it_names"),
        Shown("a word like a scheme", f"{_REFERENCE}::test_the_kind_follows_rkts_rules"),
        Shown(
            "an archive that does not end in .aci",
            f"{_REFERENCE}::test_what_names_no_image_is_refused",
        ),
        Shown("what docker adds to a name", f"{_NAMES}::test_a_name_is_split_as_docker_does"),
    ]
