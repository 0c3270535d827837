"""``rktpy trust``."""

from __future__ import annotations

from rktpy.errors import RktError, UsageError
from rktpy.verbs.image.trust import TrustRequest, trust_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call

_UNBOUNDED = """\
aborting due to implicit unbounded trust (root domain): the key would count for every image.
To trust it for images below a prefix:
    rktpy trust --prefix "example.com/foo" [PUBKEY]
To trust it for every image:
    rktpy trust --root PUBKEY"""


def trust(call: Call) -> int:
    """Trust keys; what becomes of each is said as it happens."""
    options = call.options
    prefix = str(options["prefix"] or "")
    if not prefix and not options["root"]:
        if call.args:
            raise RktError(_UNBOUNDED)
        raise UsageError("no prefix and no key given")
    request = TrustRequest(
        prefix=prefix,
        root=bool(options["root"]),
        locations=tuple(call.args),
        insecure_allow_http=bool(options["insecure-allow-http"]),
        skip_fingerprint_review=bool(options["skip-fingerprint-review"]),
    )
    trust_keys(call.site, request)
    return 0
