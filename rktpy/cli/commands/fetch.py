"""``rktpy fetch``, also ``rktpy image fetch``."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.image.resolve import Wanted
from rktpy.verbs.image.fetch import FetchRequest, fetch_images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call

_SHORT = len("sha512-") + 32


def fetch(call: Call) -> int:
    """Print one hash per image, in order; the first failure ends it."""
    if not call.apps:
        raise RktError("must provide at least one image", hint="see: rktpy help fetch")
    images = tuple(Wanted(app.image, app.options.get("signature") or "") for app in call.apps)
    request = FetchRequest(images, _policy(call), str(call.options["platform"]))
    for key in fetch_images(call.site, request):
        call.out(key if call.options["full"] else key[:_SHORT])
    return 0


def _policy(call: Call) -> str:
    if call.options["store-only"] and call.options["no-store"]:
        raise RktError("both --store-only and --no-store specified")
    if call.options["store-only"]:
        return "never"
    return "update" if call.options["no-store"] else str(call.options["pull-policy"])
