"""Whether an image without a signature may come in: the user's word, or a rule of ``policy.d``."""

from __future__ import annotations

from rktpy.codec import quote
from rktpy.config.acceptance import ACCEPT, DIGEST_PINNED, REQUIRE_SIGNATURE, RULES
from rktpy.image.errors import FetchError
from rktpy.image.layered.names import HUB, HUB_NAMES
from rktpy.log import Logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from rktpy.image.layered.names import RegistryName
    from rktpy.image.means import Means

_logger = Logger("image")


def require_waiver(means: Means, *, hint: str | None = None) -> None:
    """Refuse while signatures are asked for: images of layers have none.

    Raises:
        FetchError: in rkt's words.
    """
    if not means.insecure.image:
        raise FetchError(
            "signature verification for docker images is not supported"
            " (try --insecure-options=image)",
            hint=hint,
        )


def require_acceptance(name: RegistryName, means: Means, *, local: bool) -> None:
    """Refuse an image of a registry that neither the user nor a rule lets in.

    ``local``: the registry is on this machine.

    Raises:
        FetchError: in rkt's words, and what a rule asks for.
    """
    if means.insecure.image:
        return
    rule, prefix = find_rule(name, means.rules())
    if rule == REQUIRE_SIGNATURE:
        require_waiver(means)
    if not name.digest and rule == DIGEST_PINNED:
        hint = f"the rule for {prefix} accepts images by digest: NAME@sha256:…"
        require_waiver(means, hint=hint)
    # What a tag means is the registry's word, so it has to be the registry that speaks.
    if not name.digest and not local and (means.insecure.tls or means.insecure.http):
        hint = f"the rule for {prefix} accepts images by tag over verified https only"
        require_waiver(means, hint=hint)
    _logger.debug("image %s is accepted by the rule %s for %s", name, quote(rule), quote(prefix))


def is_pinned(name: RegistryName, means: Means) -> bool:
    """Return whether a rule lets ``name`` in by its digest, wherever its bytes come from."""
    return bool(name.digest) and find_rule(name, means.rules())[0] in (DIGEST_PINNED, ACCEPT)


def find_rule(name: RegistryName, rules: Mapping[str, str]) -> tuple[str, str]:
    """Return the rule of the longest prefix of ``name``, and that prefix. Pure.

    Docker's registry has several names; of rules for the same thing the strictest holds.
    """
    registries = HUB_NAMES if name.registry == HUB else (name.registry.lower(),)
    parts = name.repository.split("/")
    for count in range(len(parts), -1, -1):
        prefixes = ["/".join((registry, *parts[:count])) for registry in registries]
        found = [(rules[prefix], prefix) for prefix in prefixes if prefix in rules]
        if found:
            return min(found, key=lambda pair: RULES.index(pair[0]))
    return REQUIRE_SIGNATURE, ""
