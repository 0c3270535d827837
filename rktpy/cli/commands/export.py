"""``rktpy export [--app=NAME] [--overwrite] UUID OUTPUT.aci``."""

from __future__ import annotations

from rktpy.verbs.app.export import ExportRequest, export_app

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call


def export(call: Call) -> int:
    """Write an app of an ended pod to an image file."""
    uuid, path = call.args
    request = ExportRequest(
        uuid=uuid, path=path, app=call.options["app"], overwrite=call.options["overwrite"]
    )
    for warning in export_app(call.site, request):
        call.err(f"warning: {warning}")
    return 0
