"""Options of the long-running services and of commands about rktpy itself."""

from __future__ import annotations

from rktpy.cli.spec import Option
from rktpy.cli.tables.common import PRETTY_PRINT
from rktpy.cli.tables.running import RUN

CONFIG = (PRETTY_PRINT,)

GENERATE = (Option("dry-run", "bool", "print units and problems, write nothing", default=False),)

UNIT = (
    Option("unit-name", "string", "name of the unit; the pod's, or the first image's, when empty"),
    Option(
        "format",
        "string",
        "what to print: service (the default), or pod, a file for the generator",
        complete=("service", "pod"),
    ),
    Option(
        "type",
        "string",
        "Type= of the unit: notify (the default), exec, simple or oneshot",
        complete=("notify", "exec", "simple", "oneshot"),
    ),
    Option(
        "restart",
        "string",
        "Restart= of the unit; on-failure when empty",
        complete=("no", "always", "on-success", "on-failure"),
    ),
    Option("wants", "strings", "unit that is started along with this one"),
    Option("requires", "strings", "unit without which this one is not started"),
    Option("after", "strings", "unit that is started before this one"),
    Option("wanted-by", "strings", "unit that starts this one when enabled; multi-user.target"),
    Option(
        "output", "string", "write the unit into this directory, print its path", complete="dir"
    ),
)
GENERATE_UNIT = (*UNIT, *RUN)

METADATA_SERVICE = (Option("listen-port", "int", "port of the query interface", default=18112),)

API_SERVICE = (Option("listen", "string", "address to listen on; localhost:15441 when empty"),)
