"""Options of the long-running services and of commands about rktpy itself."""

from __future__ import annotations

from rktpy.cli.spec import Option
from rktpy.cli.tables.common import PRETTY_PRINT

CONFIG = (PRETTY_PRINT,)

GENERATE = (Option("dry-run", "bool", "print units and problems, write nothing", default=False),)

METADATA_SERVICE = (Option("listen-port", "int", "port of the query interface", default=18112),)

API_SERVICE = (Option("listen", "string", "address to listen on; localhost:15441 when empty"),)
