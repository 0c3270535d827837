"""Two images with the validator ``tests/support/ace``, to be run as one pod (images.md 1.16)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import archive
from tests.support.ctools import build_static
from tests.support.images import build_aci

MAIN = "coreos.com/ace-validator-main"
SIDEKICK = "coreos.com/ace-validator-sidekick"
_SOURCES = Path(__file__).with_name("ace")
_PROGRAM = "/ace-validator"

_DATABASE = {"name": "database", "path": "/db"}
_CONFIG = {"name": "config", "path": "/config", "readOnly": True}
# What the validator looks for, in process.c, is what these leave.
_ISOLATORS = [
    {"name": "resource/memory", "value": {"limit": "1G"}},
    {"name": "os/linux/capabilities-retain-set",
     "value": {"set": ["CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_NET_RAW"]}},
    {"name": "os/linux/no-new-privileges", "value": True},
    {"name": "os/linux/oom-score-adj", "value": 99},
]  # fmt: skip
_ANNOTATIONS = {
    "created": "2026-11-25T00:00:00Z",
    "authors": "The rktpy authors",
    "homepage": "https://example.com/",
    "documentation": "https://example.com/docs",
    "lorem": "ipsum",
}


def ace_binary() -> Path:
    """Return the compiled validator; built once per content of its sources."""
    return build_static("ace-validator", [*_SOURCES.glob("*.c"), *_SOURCES.glob("*.h")])


def main_aci(path: Path, *, files: dict[str, Any] | None = None, **app: Any) -> Path:
    """Write the image of the main app; ``files`` are added, ``app`` replaces keys of its app."""
    defaults: dict[str, Any] = {
        "workingDirectory": "/opt/acvalidator",
        "environment": [{"name": "IN_ACE_VALIDATOR", "value": "correct"}],
        "eventHandlers": [_handler("pre-start", "prestart"), _handler("post-stop", "poststop")],
        "mountPoints": [_DATABASE, _CONFIG],
        "ports": [{"name": "www", "protocol": "tcp", "port": 80}],
        "isolators": _ISOLATORS,
    }
    return build_aci(
        path,
        name=MAIN,
        exec=(_PROGRAM, "main"),
        app=defaults | app,
        annotations=_ANNOTATIONS,
        files=_files() | {"/opt/acvalidator": archive.directory()} | (files or {}),
    )


def sidekick_aci(path: Path) -> Path:
    """Write the image of the other app."""
    app = {"mountPoints": [_DATABASE]}
    return build_aci(path, name=SIDEKICK, exec=(_PROGRAM, "sidekick"), app=app, files=_files())


def _files() -> dict[str, Any]:
    return {_PROGRAM: archive.Entry("", mode=0o755, source=ace_binary())}


def _handler(name: str, mode: str) -> dict[str, Any]:
    return {"name": name, "exec": [_PROGRAM, mode]}
