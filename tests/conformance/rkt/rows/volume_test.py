"""Volumes and where they show (rkt-cli.md 12.4)."""

from __future__ import annotations

from typing import Any

from tests.conformance.rkt.row import FAILED, Entry, Image, Row, Run, run

_READ, _WRITE, _STAT = "--read-file", "--write-file", "--stat-file"
_VOLUME = "--volume=dir1,kind=host,source={host}"
_MOUNT = "--mount=volume=dir1,target=dir1"
_REFUSED = 'Cannot write to file "/dir1/file": open /dir1/file: read-only file system'


def rows() -> list[Entry]:
    return [*_read(), *_written(), *_shared(), *_from_docker()]


def _mount_point(path: str = "/dir1", *, read_only: bool = False) -> dict[str, Any]:
    """Return an app object's part that says where a volume belongs."""
    return {"mountPoints": [{"name": "dir1", "path": path, "readOnly": read_only}]}


_RW, _RO = _mount_point(), _mount_point(read_only=True)


def _row(name: str, image: Image, expect: str, *words: str, path: str = "/dir1/file",
         content: str = "", status: int = 0, stored: str = "") -> Row:  # fmt: skip
    env = {"FILE": path, "CONTENT": content}
    if not any(word.startswith("{image") for word in words):
        words = (*words, "{image}")
    command = ("--debug", *run("--inherit-env=true", *words))
    return Row(name, Run(command, (image,), status, env=env), expect, stored=stored)


def _read() -> list[Row]:
    read = Image((_READ,))
    missing = "/this/directory/does/not/exist"
    nested = "--mount=volume=dir1,target=/dir1/dir2/dir3"
    deep = "--mount=volume=dir1,target=/a/b/c"
    writable, read_only = Image((_READ,), app=_RW), Image((_READ,), app=_RO)
    return [
        _row("a missing source", read_only,
             f"Failed to stat {missing}: No such file or directory",
             f"--volume=dir1,kind=host,source={missing}", _MOUNT, status=1),
        _row("none", read, "<<<dir1>>>"),
        _row("on a writable mount point", writable, "<<<host>>>", _VOLUME, _MOUNT),
        _row("on a read-only mount point", read_only, "<<<host>>>", _VOLUME, _MOUNT),
        _row("parents of a target are made", Image((_STAT,)), "/a/b: mode: drwxr-xr-x", _VOLUME,
             deep, path="/a/b"),
        _row("below another mount of it", writable, "<<<host>>>", _VOLUME, nested,
             path="/dir1/dir2/dir3/file"),
        _row("at a path of its own", writable, "<<<host>>>", _VOLUME, deep, path="/a/b/c/file"),
    ]  # fmt: skip


def _written() -> list[Row]:
    both = (_WRITE, _READ)
    plain, writable, read_only = Image(both), Image(both, app=_RW), Image(both, app=_RO)
    return [
        _row("written without a volume", plain, "<<<1>>>", content="1"),
        _row("written to the host", writable, "<<<2>>>", _VOLUME, _MOUNT, content="2", stored="2"),
        _row("not written where the mount point is read-only", read_only, _REFUSED, _VOLUME,
             _MOUNT, content="3", status=FAILED, stored="host"),
        _row("mounted by an option behind the image", plain, "<<<1>>>", _VOLUME, "{image}", _MOUNT,
             content="1", stored="1"),
        _row("a read-only volume is not written", plain, _REFUSED, f"{_VOLUME},readOnly=true",
             "{image}", _MOUNT, content="1", status=FAILED, stored="host"),
        _row("a mount point without a volume gets an empty one", writable, "<<<1>>>", content="1"),
    ]  # fmt: skip


def _shared() -> list[Row]:
    images = (
        Image((_WRITE,), "coreos.com/rkt-writer", app=_RW),
        Image((), "coreos.com/rkt-reader", app=_RO),
    )
    words = ("{image}", "{image2}", "--exec=/inspect", "--", "--pre-sleep=1", _READ)
    env = {"FILE": "/dir1/file", "CONTENT": "1"}
    command = run("--inherit-env=true", _VOLUME, *words)
    return [Row("shared by two apps", Run(command, images, env=env), "<<<1>>>", stored="1")]


def _from_docker() -> list[Row]:
    """Images that came from docker keep what they have where a volume is missing."""
    found: list[Row] = []
    for path, content in (
        ("/dir1", "dir1"),
        ("/dir2", "dir2"),
        ("/dir1/link_rel_dir2", "dir2"),
        ("/dir1/link_abs_dir2", "dir2"),
    ):
        image = Image((_READ, f"--file-name={path}/file"), app=_mount_point(path))
        manifest = {"apps": [{"name": "rkt-inspect", "image": {"id": "{id}"}}]}
        by_option = Run(run("{image}"), (image,))
        by_manifest = Run(run("--pod-manifest={manifest}"), (image,), manifest=manifest)
        found += [
            Row(f"an image from docker keeps {path}", by_option, f"<<<{content}>>>"),
            Row(f"an image from docker keeps {path}, pod manifest", by_manifest,
                f"<<<{content}>>>"),
        ]  # fmt: skip
    return found
