"""``rktpy config``."""

from __future__ import annotations

from rktpy import codec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def config(call: Call) -> int:
    """Print the merged configuration as rkt does: one object per domain, registry and kind."""
    objects = {"stage0": call.site.config().objects()}
    call.out((codec.pretty if call.options["pretty-print"] else codec.compact)(objects))
    return 0
