"""What images of registries must have to be let in: files of kind ``imagePolicy`` in ``policy.d``.

{"rktKind": "imagePolicy", "rktVersion": "v1", "prefixes": ["registry.example.com/team"],
 "rule": "digest-pinned"}

A prefix is a registry, and maybe the beginning of a repository, by whole components. Ours: rkt
knew only ``--insecure-options=image``, which is for everything.
"""

from __future__ import annotations

import re

from rktpy.codec import quote
from rktpy.config.fields import ConfigError, text, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

REQUIRE_SIGNATURE = "require-signature"  # what holds for everything nobody has a rule for
DIGEST_PINNED = "digest-pinned"
ACCEPT = "accept"
RULES = (REQUIRE_SIGNATURE, DIGEST_PINNED, ACCEPT)  # the strictest first

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PREFIX = re.compile(rf"(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]+)?(?:/{_COMPONENT})*")


def parse_rules(content: Mapping[str, object], known: Mapping[str, str]) -> dict[str, str]:
    """Return prefix → rule of one file; ``known`` are those of the same root.

    Raises:
        ConfigError: a rule nobody knows, or a prefix that could not match.
    """
    prefixes, rule = texts(content, "prefixes"), text(content, "rule")
    if not prefixes:
        raise ConfigError("no prefixes specified")
    if rule not in RULES:
        what = f"unknown rule: {quote(rule)}" if rule else "no rule specified"
        raise ConfigError(f"{what}, it is one of {', '.join(map(quote, RULES))}")
    found: dict[str, str] = {}
    for prefix in prefixes:
        registry = prefix.partition("/")[0]
        named = registry == "localhost" or "." in registry or ":" in registry
        if not named or not _PREFIX.fullmatch(prefix):
            raise ConfigError(
                f"prefix {quote(prefix)} is not REGISTRY or REGISTRY/REPOSITORY in lower case"
            )
        if prefix in known or prefix in found:
            raise ConfigError(f"a rule for prefix {quote(prefix)} is already specified")
        found[prefix] = rule
    return found
