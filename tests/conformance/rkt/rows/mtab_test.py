"""/etc/mtab of an app (rkt-cli.md 12.2)."""

from __future__ import annotations

from tests.conformance.rkt.row import Row, inspect


def rows() -> list[Row]:
    words = ("--file-symlink-target", "--file-name=/etc/mtab")
    expect = 'symlink: "/etc/mtab" -> "../proc/self/mounts"'
    return [inspect("a link to the mounts", *words, expect=expect)]
