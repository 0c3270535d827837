"""A site as fetching sees it: policy, fences, keys, credentials, and whom to talk to."""

from __future__ import annotations

from rktpy.image.means import Means
from rktpy.store.images import ImageStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.verbs.site import Site


def means_of(site: Site, policy: str, platform: str = "") -> Means:
    """Return what an image may be fetched with at ``site``; arguments as ``Means`` has them."""
    return Means(
        policy=policy,
        insecure=site.insecure,
        keys=(site.system_config, site.local_config),
        credentials=lambda: site.config().auth,
        talk=site.talk,
        logins=lambda: site.config().docker_auth,
        rules=site.image_rules,
        trust_keys_from_https=site.trust_keys_from_https,
        platform=platform,
    )


def store_of(site: Site) -> ImageStore:
    """Return the store, in which names lead to verified images unless that was waived."""
    return ImageStore(site.layout, signed_only=not site.insecure.image)
