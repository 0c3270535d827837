"""``rktpy image list``."""

from __future__ import annotations

import time

from rktpy.cli.output import binary_size, full_time, relative_time, table
from rktpy.verbs.image.list import SORT_FIELDS, shown_name, stored_images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call
    from rktpy.store.rows import StoredImage

_SHORT = len("sha512-") + 12
_HEADERS = {
    "id": "ID", "name": "NAME", "size": "SIZE",
    "importtime": "IMPORT TIME", "lastused": "LAST USED",
}  # fmt: skip
_ORDERS = ("asc", "desc")


def list_(call: Call) -> int:
    """Print stored images as a table or JSON."""
    fields = call.words("fields", tuple(_HEADERS))
    sort = call.words("sort", SORT_FIELDS)
    if call.options["order"] not in _ORDERS:
        raise call.bad_value("order", call.options["order"], "wrong sort order")
    images = stored_images(call.site, sort, descending=call.options["order"] == "desc")
    if call.options["format"]:
        call.out(_json(call, images))
        return 0
    rows = [] if call.options["no-legend"] else [[_HEADERS[field] for field in fields]]
    cells = _full if call.options["full"] else _short
    now = time.time_ns()
    for image in images:
        texts = cells(image, now)
        rows.append([texts[field] for field in fields])
    call.out(table(rows))
    return 0


def _short(image: StoredImage, now: int) -> dict[str, str]:
    return {
        "id": image.key[:_SHORT],
        "name": shown_name(image),
        "size": binary_size(image.size + image.tree_size),
        "importtime": relative_time(image.imported_at, now),
        "lastused": relative_time(image.last_used, now),
    }


def _full(image: StoredImage, _now: int) -> dict[str, str]:
    return {
        "id": image.key,
        "name": shown_name(image),
        "size": str(image.size + image.tree_size),
        "importtime": full_time(image.imported_at),
        "lastused": full_time(image.last_used),
    }


def _json(call: Call, images: list[StoredImage]) -> str:
    from rktpy import codec

    found = [
        {
            "id": image.key,
            "name": shown_name(image),
            "import_time": image.imported_at,
            "last_used_time": image.last_used,
            "size": image.size + image.tree_size,
        }
        for image in images
    ]
    write = codec.pretty if call.options["format"] == "json-pretty" else codec.compact
    return write(found or None)
