"""Options of ``fetch``, ``image …`` and ``trust``."""

from __future__ import annotations

from rktpy.cli.output import HOUR
from rktpy.cli.spec import Option
from rktpy.cli.tables.common import (
    FORMAT,
    FULL,
    NO_LEGEND,
    OLD_POLICIES,
    PRETTY_PRINT,
    PULL_POLICY_UPDATE,
    SIGNATURE,
)

FETCH = (
    SIGNATURE,
    Option("full", "bool", "print whole hashes"),
    Option("quiet", "bool", "do not show the progress of downloads"),
    Option(
        "platform",
        "string",
        "OS/ARCHITECTURE[/VARIANT] to choose from a multi-platform image",
    ),
    PULL_POLICY_UPDATE,
    *OLD_POLICIES,
)

FIELDS = ("id", "name", "size", "importtime", "lastused")

LIST = (
    Option(
        "fields",
        "string",
        "comma-separated columns, in order. Words: " + ",".join(FIELDS),
        default=",".join(FIELDS),
        complete=FIELDS,
    ),
    Option(
        "sort",
        "string",
        "comma-separated columns to sort by. Words: name,importtime,lastused,size",
        default="importtime",
        complete=("name", "importtime", "lastused", "size"),
    ),
    Option("order", "string", "direction: asc or desc", default="asc", complete=("asc", "desc")),
    NO_LEGEND,
    FULL,
    FORMAT,
)

CAT_MANIFEST = (PRETTY_PRINT,)

EXPORT = (Option("overwrite", "bool", "replace the output file if it exists"),)

EXTRACT = (
    Option("rootfs-only", "bool", "write only the files of the root file system"),
    Option("overwrite", "bool", "replace the output directory if it exists"),
)

GC = (Option("grace-period", "duration", "keep images used less than this ago", default=24 * HOUR),)

TRUST = (
    Option("prefix", "string", "trust the key for images whose names begin with this"),
    Option("insecure-allow-http", "bool", "accept keys over plain http too"),
    Option("skip-fingerprint-review", "bool", "accept the key without asking"),
    Option("root", "bool", "trust the key for every image"),
)
