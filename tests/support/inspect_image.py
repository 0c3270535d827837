"""The test image ``coreos.com/rkt-inspect`` and the static program in it (rkt-cli.md 12.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import archive
from tests.support.ctools import build_static
from tests.support.images import build_aci, host_arch

NAME = "coreos.com/rkt-inspect"
VERSION = "1.30.0"
_SOURCES = Path(__file__).with_name("inspect")

ENVIRONMENT = {"VAR_FROM_MANIFEST": "manifest", "PATH": "/bin"}
ANNOTATIONS = {
    "appc.io/docker/repository": "whatever",
    "coreos.com/rkt/stage1/run": "/ex/run",
    "coreos.com/rkt/stage1/enter": "/ex/enter",
    "coreos.com/rkt/stage1/gc": "/ex/gc",
    "appc.io/executor/supports-systemd-notify": "false",
}
ISOLATORS = (
    {"name": "resource/memory", "value": {"request": "25Mi", "limit": "25Mi"}},
    {"name": "resource/cpu", "value": {"request": "50m", "limit": "800m"}},
)


def inspect_binary() -> Path:
    """Return the compiled helper; built once per content of its sources."""
    return build_static("inspect", [*_SOURCES.glob("*.c"), *_SOURCES.glob("*.h")])


def inspect_files() -> dict[str, Any]:
    """Return the files of the image, ready for ``build_aci``."""
    return {
        "/inspect": archive.Entry("", mode=0o755, source=inspect_binary()),
        "/inspect-link": archive.symlink("inspect"),
        "/bin/inspect-link-bin": archive.symlink("/inspect"),
        "/dir1/file": "dir1",
        "/dir2/file": "dir2",
        "/dir1/link_rel_dir2": archive.symlink("../dir2"),
        "/dir1/link_abs_dir2": archive.symlink("/dir2"),
        "/dir1/link_abs_dotdot_dir2": archive.symlink("/../dir2"),
        "/dir1/link_abs_root": archive.symlink("/"),
        "/dir1/link_abs_notexists": archive.symlink("/notexists"),
        "/etc/passwd": "root:x:0:0:root:/:/inspect\nuser1:x:1000:100:user1:/:/inspect\n",
        "/etc/group": "root:x:0:\ngroup1:x:100:\n",
        "/tmp": archive.directory(0o1777),
    }


def inspect_aci(
    path: Path,
    *arguments: str,
    name: str = NAME,
    exec: tuple[str, ...] | None = None,  # noqa: A002  # appc's own word
    app: dict[str, Any] | None = None,
    isolators: tuple[dict[str, Any], ...] = ISOLATORS,
    **options: Any,
) -> Path:
    """Write the inspect image to ``path``; its program gets ``arguments`` (``"--exit-code=7"``).

    ``exec`` replaces the whole command, ``app`` adds or replaces keys of the app object,
    ``options`` go to ``build_aci``.
    """
    defaults: dict[str, Any] = {
        "labels": {"version": VERSION, "os": "linux", "arch": host_arch()},
        "annotations": ANNOTATIONS,
        "files": inspect_files(),
    }
    own: dict[str, Any] = {
        "workingDirectory": "/",
        "environment": [{"name": k, "value": v} for k, v in ENVIRONMENT.items()],
        "isolators": list(isolators),
    }
    return build_aci(
        path,
        name=name,
        exec=exec or ("/inspect", *arguments),
        app=own | (app or {}),
        **(defaults | options),
    )
