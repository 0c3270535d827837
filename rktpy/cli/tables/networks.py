"""Options of the commands about networks."""

from __future__ import annotations

from rktpy.cli.tables.common import FORMAT, NO_LEGEND

LIST = (NO_LEGEND, FORMAT)
