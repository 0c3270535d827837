"""Which rule holds for which image, and what it asks for."""

from __future__ import annotations

import pytest

from rktpy.config.acceptance import ACCEPT, DIGEST_PINNED, REQUIRE_SIGNATURE
from rktpy.image.errors import FetchError
from rktpy.image.layered.acceptance import find_rule, is_pinned, require_acceptance
from rktpy.image.layered.names import parse_name
from rktpy.verbs.image.fetching import means_of
from rktpy.verbs.site import Insecure, Site

DIGEST = "@sha256:" + "0" * 64
RULES = {
    "a.example.com": ACCEPT,
    "a.example.com/team": DIGEST_PINNED,
    "a.example.com/team/secret": REQUIRE_SIGNATURE,
    "docker.io/library": ACCEPT,
    "registry-1.docker.io/library/nginx": DIGEST_PINNED,
    "index.docker.io/library/nginx": ACCEPT,
}


@pytest.mark.parametrize(
    ("image", "rule"),
    [
        ("a.example.com/app", ACCEPT),
        ("A.Example.com/app", ACCEPT),
        ("a.example.com/teams/app", ACCEPT),
        ("a.example.com/team/app", DIGEST_PINNED),
        ("a.example.com/team", DIGEST_PINNED),
        ("A.example.com/team/secret/app", REQUIRE_SIGNATURE),
        ("a.example.com:5000/app", REQUIRE_SIGNATURE),
        ("b.a.example.com/app", REQUIRE_SIGNATURE),
        ("busybox", ACCEPT),
        ("someone/busybox", REQUIRE_SIGNATURE),
        ("nginx", DIGEST_PINNED),
    ],
)
def test_the_rule_of_the_longest_prefix_holds(image: str, rule: str) -> None:
    assert find_rule(parse_name(image), RULES)[0] == rule


@pytest.mark.parametrize(
    ("image", "insecure", "local", "hint"),
    [
        ("a.example.com/app", "", False, None),
        ("a.example.com/app", "tls", False, "by tag over verified https only"),
        ("a.example.com/app", "http", False, "by tag over verified https only"),
        ("a.example.com/app", "tls,http", True, None),
        ("a.example.com/app" + DIGEST, "tls,http", False, None),
        ("a.example.com/team/app", "", True, "a.example.com/team accepts images by digest"),
        ("a.example.com/team/app" + DIGEST, "http", False, None),
        ("a.example.com/team/secret" + DIGEST, "", True, ""),
        ("b.example.com/app" + DIGEST, "", True, ""),
        ("b.example.com/app", "image", False, None),
    ],
)
def test_a_rule_lets_in_no_more_than_it_says(
    image: str, insecure: str, *, local: bool, hint: str | None
) -> None:
    site = Site(system_config="/none", local_config="/none", insecure=Insecure.parse(insecure))
    means = means_of(site, "new").replace(rules=lambda: RULES)
    name = parse_name(image)

    if hint is None:
        require_acceptance(name, means, local=local)
        return
    with pytest.raises(FetchError, match="signature verification for docker images") as refused:
        require_acceptance(name, means, local=local)
    assert hint in (refused.value.hint or "")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("a.example.com/app", False),
        ("a.example.com/app" + DIGEST, True),
        ("a.example.com/team/app" + DIGEST, True),
        ("a.example.com/team/secret" + DIGEST, False),
        ("b.example.com/app" + DIGEST, False),
    ],
)
def test_only_a_digest_counts_wherever_the_bytes_come_from(image: str, *, expected: bool) -> None:
    site = Site(system_config="/none", local_config="/none")
    means = means_of(site, "never").replace(rules=lambda: RULES)

    assert is_pinned(parse_name(image), means) is expected
