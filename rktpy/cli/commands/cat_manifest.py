"""``rktpy cat-manifest``."""

from __future__ import annotations

from rktpy.cli.pods import uuid_arguments
from rktpy.codec import compact, pretty
from rktpy.verbs.report.cat_manifest import pod_manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def cat_manifest(call: Call) -> int:
    """Print the manifest of a pod, written anew rather than as it lies on disk."""
    manifest = pod_manifest(call.site, uuid_arguments(call)[0])
    call.out((pretty if call.options["pretty-print"] else compact)(manifest))
    return 0
