"""Host volumes with mounts below them (rkt-cli.md 12.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.rkt.row import FAILED, Image, Row, Run, both, run

if TYPE_CHECKING:
    from collections.abc import Mapping

_INNER, _FILE = "/dir1/inner/file", "/dir1/file"
_READ, _WRITE = ("--read-file",), ("--write-file", "--content=host:foo")
_REFUSED = "read-only file system"


def rows() -> list[Row]:
    return [*_by_option(), *_by_manifest(), _twice()]


def _by_option() -> list[Row]:
    found: list[Row] = []
    for name, options, what, expect, status in (
        ("recursive", "recursive=true", _READ, "<<<inner>>>", 0),
        ("recursive and read-only", "recursive=true,readOnly=true", _WRITE, _REFUSED, FAILED),
        ("not recursive", "recursive=false", _READ, "<<<outer>>>", 0),
        ("not recursive, read-only", "recursive=false,readOnly=true", _WRITE, _REFUSED, FAILED),
    ):
        image = Image((*what, f"--file-name={_INNER}"))
        volume = f"--volume=test,kind=host,source={{nested}},{options}"
        words = (volume, "--mount=volume=test,target=/dir1", "{id}")
        found += both(name, words, [image], expect, status=status)
    return found


def _by_manifest() -> list[Row]:
    found: list[Row] = []
    for name, volume, what, path, expect, status in (
        ("recursive", {"recursive": True}, _READ, _INNER, "<<<inner>>>", 0),
        ("recursive and read-only", {"recursive": True, "readOnly": True}, _WRITE, _INNER,
         _REFUSED, FAILED),
        ("not recursive, read-only root", {"recursive": False}, (*_WRITE, *_READ), _FILE,
         "<<<host:foo>>>", 0),
        ("not recursive, below", {"recursive": False}, _READ, _INNER, "<<<outer>>>", 0),
    ):  # fmt: skip
        manifest = _manifest(volume, read_only_root="root" in name)
        image = Image((*what, f"--file-name={path}"))
        words = ("--pod-manifest={manifest}",)
        stored = "host:foo" if path == _FILE else ""
        found += both(f"pod manifest: {name}", words, [image], expect, status=status,
                      manifest=manifest, stored=stored)  # fmt: skip
    return found


def _manifest(volume: Mapping[str, Any], *, read_only_root: bool) -> Mapping[str, Any]:
    app = {
        "name": "rkt-inspect",
        "image": {"id": "{id}"},
        "readOnlyRootFS": read_only_root,
        "mounts": [{"volume": "dir1", "path": "/dir1"}],
    }
    source = {"name": "dir1", "kind": "host", "source": "{nested}"}
    return {"apps": [app], "volumes": [source | dict(volume)]}


def _twice() -> Row:
    first = ("--volume=test,kind=host,source={host}", "--mount=volume=test,target=/dir1")
    second = ("--volume=test,kind=empty", "--mount=volume=test,target=/dir2")
    ran = Run(run(*first, *second, "{image}"), (Image(),), FAILED)
    return Row("two volumes of one name", ran, "duplicate volume name")
