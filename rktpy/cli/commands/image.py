"""The commands of ``rktpy image`` but ``fetch`` and ``list``."""

from __future__ import annotations

from rktpy.cli.commands.image_list import list_
from rktpy.cli.pods import report
from rktpy.codec import quote
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.cli.call import Call
    from rktpy.verbs.image.list import RemoveEvent
    from rktpy.verbs.image.output import OutputRequest

__all__ = ["cat_manifest", "export", "extract", "gc", "list_", "render", "rm", "verify"]


class RemoveFailedError(RktError):
    """Not every image could be removed completely."""

    def __init__(self) -> None:
        super().__init__("error(s) found while removing images")


def cat_manifest(call: Call) -> int:
    """Print the stored manifest, indented or as it stands."""
    from rktpy import codec
    from rktpy.verbs.image.list import image_manifest

    text = image_manifest(call.site, call.args[0])
    if call.options["pretty-print"]:
        call.out(codec.pretty(codec.parse(text, what="image manifest")))
    else:
        call.out(text.decode())
    return 0


def rm(call: Call) -> int:
    """Remove images; one that is unknown is told and does not change the status, as in rkt."""
    from rktpy.verbs.image.list import remove_images

    if not call.args:
        raise RktError("must provide at least one image ID")
    _report_removals(call, remove_images(call.site, call.args))
    return 0


def gc(call: Call) -> int:
    """Remove trees, images and layers that nothing needs."""
    from rktpy.verbs.image.gc import LayerRemoved, TreeRemoved, collect_images

    removals = []
    for event in collect_images(call.site, call.options["grace-period"]):
        if isinstance(event, TreeRemoved):
            call.err(f"removed treestore {quote(event.tree_id)}")
        elif isinstance(event, LayerRemoved):
            call.err(f"removed layer {quote(event.diff_id)}")
        else:
            removals.append(event)
    _report_removals(call, removals)
    return 0


def verify(call: Call) -> int:
    """Compare rendered images with their hashes; a repaired one counts as good."""
    from rktpy.verbs.image.verify import DAMAGED, NOT_RENDERED, verify_images

    if not call.args:
        raise RktError("must provide at least one image ID")
    for event in verify_images(call.site, call.args):
        name = quote(event.text)
        if event.kind == NOT_RENDERED:
            call.out(f"image {name} not rendered; no verification needed")
        elif event.kind == DAMAGED:
            call.out(
                f"tree cache verification failed for image {event.text}: {event.error};"
                "  rebuilding..."
            )
        else:
            call.out(f"successfully verified checksum for image: {name} ({quote(event.key)})")
    return 0


def export(call: Call) -> int:
    """Write the stored archive to a file."""
    from rktpy.verbs.image.output import export_image

    export_image(call.site, _output(call))
    return 0


def extract(call: Call) -> int:
    """Unpack one image into a directory."""
    from rktpy.verbs.image.output import extract_image

    extract_image(call.site, _output(call))
    return 0


def render(call: Call) -> int:
    """Unpack an image with its dependencies into a directory."""
    from rktpy.verbs.image.output import render_image

    render_image(call.site, _output(call))
    return 0


def _output(call: Call) -> OutputRequest:
    from rktpy.verbs.image.output import OutputRequest

    return OutputRequest(
        text=call.args[0],
        path=call.args[1],
        rootfs_only=bool(call.options.get("rootfs-only")),
        overwrite=bool(call.options["overwrite"]),
    )


def _report_removals(call: Call, events: Iterable[RemoveEvent]) -> None:
    """Tell what was removed as it happens and count at the end (rkt: rkt/image_rm.go).

    Raises:
        RemoveFailedError: an image is still there, or files of one.
    """
    from rktpy.verbs.image import list as verb

    count = dict.fromkeys((verb.REMOVED, verb.STALE, verb.FAILED, verb.UNKNOWN), 0)
    for event in events:
        count[event.kind] += 1
        if event.kind == verb.REMOVED:
            call.out(f"successfully removed aci for image: {quote(event.key)}")
        elif event.kind == verb.STALE:
            call.err(
                f"some files cannot be removed for image {quote(event.text)} ({quote(event.key)})"
            )
        elif event.error is not None:
            if event.kind == verb.FAILED:
                call.err(f"error removing aci for image {quote(event.text)} ({quote(event.key)})")
            report(call, event.error)
    if count[verb.REMOVED]:
        call.err(f"{count[verb.REMOVED]} image(s) successfully removed")
    if count[verb.STALE]:
        call.err(f"{count[verb.STALE]} image(s) removed but left some stale files")
    if count[verb.FAILED]:
        call.err(f"{count[verb.FAILED]} image(s) cannot be removed")
    if count[verb.STALE] or count[verb.FAILED]:
        raise RemoveFailedError
