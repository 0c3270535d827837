"""Network plugins for tests: scripts, and attachments that call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rktpy.codec import compact
from rktpy.net.chain import Attachment
from rktpy.net.conf import parse_conf
from rktpy.net.external import LIMITS, External
from rktpy.net.registry import first

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rktpy.net.chain import Find

UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
DEBIAN = "/usr/lib/cni"
GOOD = """echo '{"ip4": {"ip": "10.0.0.2/8"}}'"""
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def script(directory: Path, name: str, body: str) -> str:
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def programs(*directories: object, limits: Mapping[str, float] = LIMITS, cwd: object = "/") -> Find:
    """Find programs in ``directories`` only."""
    places = tuple(str(directory) for directory in directories)
    environment = {"PATH": SEARCH}

    def find(kind: str) -> External:
        path = first(kind, places) or f"{places[0]}/{kind}"
        return External(path, places, environment, cwd=str(cwd), limits=limits)

    return find


def attachment(document: dict[str, Any] | str, netns: str = "", **more: Any) -> Attachment:
    """The pod's place in the network ``document``; a chain if that has ``plugins``."""
    content = document if isinstance(document, str) else compact(document)
    path = "/x/n.conflist" if '"plugins"' in content else "/x/n.conf"
    return Attachment(parse_conf(content.encode(), path), UUID, netns, "eth0", **more)
