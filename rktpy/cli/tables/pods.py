"""Options of the commands that look at pods and end them."""

from __future__ import annotations

from rktpy.cli.output import HOUR, MINUTE, SECOND
from rktpy.cli.spec import Option
from rktpy.cli.tables.common import FORMAT, FULL, NO_LEGEND, PRETTY_PRINT, UUID_FILE

FIELDS = (
    "uuid", "name", "app", "image", "imageid", "state", "created", "started", "networks", "labels",
    "ended",
)  # fmt: skip

LIST = (
    Option(
        "fields",
        "string",
        "comma-separated columns, in order. Words: " + ",".join(FIELDS),
        complete=FIELDS,
    ),
    Option("label", "strings", "only pods with this label: NAME=VALUE, or NAME for any value"),
    NO_LEGEND,
    FULL,
    FORMAT,
)

STATUS = (
    Option("wait", "wait", "wait for the pod to end: true, or at most this long", bare="true"),
    Option(
        "wait-ready",
        "wait",
        "wait for the pod to be ready: true, or at most this long",
        bare="true",
    ),
    FORMAT,
    UUID_FILE,
)

STOP = (Option("force", "bool", "kill the pod instead of asking it to end"), UUID_FILE)

RM = (Option("ignore", "bool", "a pod that does not exist is not a failure"), UUID_FILE)

GC = (
    Option(
        "grace-period", "duration", "keep pods that ended less than this ago", default=30 * MINUTE
    ),
    Option(
        "expire-prepared",
        "duration",
        "keep prepared pods that were not started for less than this",
        default=24 * HOUR,
    ),
    Option("mark-only", "bool", "mark what may go, delete nothing"),
)

CP = (
    Option("archive", "bool", "keep owners, all modes and attributes, and devices", letter="a"),
    Option("follow-link", "bool", "copy what a link given as SOURCE leads to", letter="L"),
)

ENTER = (
    Option("app", "string", "app to enter; needed when the pod has several"),
    Option(
        "as-app", "bool", "run as the app's user, with its groups and capabilities, instead of root"
    ),
)

HEALTHCHECK = (Option("app", "string", "app to check; needed when the pod has several"),)

CAT_MANIFEST = (PRETTY_PRINT, UUID_FILE)

ATTACH = (
    Option("app", "string", "app to attach to; needed when the pod has several"),
    Option(
        "mode",
        "string",
        "auto, list, or a comma-separated choice of stdin,stdout,stderr or tty,tty-in,tty-out",
        default="auto",
        complete=("auto", "list"),
    ),
)

EXPORT = (
    Option("app", "string", "app to export; needed when the pod has several"),
    Option("overwrite", "bool", "replace the output file if it exists"),
)

TOP = (
    Option("interval", "duration", "time over which CPU % is measured; 0 for none", default=SECOND),
    Option("no-stream", "bool", "show the figures once, also on a terminal"),
    NO_LEGEND,
    FULL,
    FORMAT,
)

FILTERS = (
    "type=pod", "type=app", "type=image", "event=preparing", "event=aborted", "event=prepared",
    "event=started", "event=registered", "event=ready", "event=exited", "event=unregistered",
    "event=marked", "event=removed", "event=fetched", "pod=", "app=", "label=", "image=",
)  # fmt: skip

EVENTS = (
    Option(
        "filter",
        "strings",
        "only events that match: type=pod|app|image, event=WORD, pod=NAME|UUID, app=NAME,"
        " label=NAME[=VALUE], image=NAME|ID. Those of one key are alternatives, except labels",
        check="rktpy.verbs.report.eventfilter:check_filter",
        complete=FILTERS,
    ),
    Option(
        "since",
        "string",
        "begin with past events since: -5m, 2026-01-31 10:00, today, seconds since 1970",
    ),
    Option("until", "string", "end at this time: +5m, 2026-01-31 23:00, seconds since 1970"),
    Option("no-stream", "bool", "print past events, with --since, and end"),
    Option("count", "int", "end after this many events; 0: never", letter="n"),
    FORMAT,
)

LOGS = (
    Option("app", "string", "app whose lines are printed; all when empty"),
    Option("follow", "bool", "go on printing new lines until the pod ends", letter="f"),
    Option("since", "string", "leave out older lines: 2026-01-31 10:00, -5m, 5 minutes ago, today"),
    Option(
        "lines", "int", "print only this many lines, the newest; -1: all", default=-1, letter="n"
    ),
    Option("timestamps", "bool", "put the time before each line", letter="t"),
    FORMAT,
)
