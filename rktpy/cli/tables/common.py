"""Options that every command takes, and those that several share."""

from __future__ import annotations

from rktpy.cli.spec import Option
from rktpy.layout import DEFAULT_DATA_DIR
from rktpy.verbs.site import LOCAL_CONFIG, SYSTEM_CONFIG, Insecure

NONE: tuple[Option, ...] = ()

GLOBAL = (
    Option("debug", "bool", "show diagnostics, and errors with all their causes", default=False),
    Option("dir", "dir", "data directory", default=DEFAULT_DATA_DIR, complete="dir"),
    Option("system-config", "dir", "vendor's configuration", default=SYSTEM_CONFIG, complete="dir"),
    Option(
        "local-config", "dir", "this host's configuration", default=LOCAL_CONFIG, complete="dir"
    ),
    Option("user-config", "dir", "configuration that wins over the others", complete="dir"),
    Option(
        "insecure-options",
        "insecure",
        "comma-separated safeguards to disable. Words: " + ",".join(Insecure.WORDS),
        default=Insecure(),
        complete=Insecure.WORDS,
    ),
    Option(
        "trust-keys-from-https",
        "bool",
        "accept signing keys found over https without asking",
        default=False,
    ),
    Option("cpuprofile", "string", "write a profile of CPU use to this file", hidden=True),
    Option("memprofile", "string", "write a profile of memory use to this file", hidden=True),
    Option("help", "bool", "show this text", default=False, letter="h"),
)

UUID_FILE = Option("uuid-file", "string", "read the pod's UUID from this file", complete="file")
NO_LEGEND = Option("no-legend", "bool", "leave out the line of column names")
FULL = Option("full", "bool", "long forms instead of short ones")
FORMAT = Option(
    "format",
    "format",
    "print JSON instead of text: json or json-pretty",
    complete=("json", "json-pretty"),
)
PRETTY_PRINT = Option("pretty-print", "bool", "indent the JSON", default=True)

POLICIES = ("new", "never", "update")
PULL_POLICY_NEW = Option(
    "pull-policy",
    "string",
    "when to download: new (if not in the store), never, update (if the origin is newer)",
    default="new",
    complete=POLICIES,
)
PULL_POLICY_UPDATE = Option(
    "pull-policy", "string", PULL_POLICY_NEW.help, default="update", complete=POLICIES
)
OLD_POLICIES = (
    Option("store-only", "bool", deprecated="please use --pull-policy=never"),
    Option("no-store", "bool", deprecated="please use --pull-policy=update"),
)
SIGNATURE = Option(
    "signature",
    "string",
    "file with the detached signature of the image before it",
    per_image=True,
    once=True,
    complete="file",
)

EXPERIMENT_ATTACH = "RKT_EXPERIMENT_ATTACH"
EXPERIMENT_APP = "RKT_EXPERIMENT_APP"
