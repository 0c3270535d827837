"""Does the runs of tests/conformance/rkt with the real rktpy, each of them once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.rktpy_side import launcher
from tests.support import command
from tests.support.images import AC_VERSION, image_id, image_manifest
from tests.support.inspect_image import ISOLATORS, inspect_aci, inspect_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.conformance.rkt.row import Image, Run

_SECONDS = 60
_ENV_FILE = "# comment\nVAR_OTHER=file\n; comment\nVAR_2=2\n"
_PLACE = re.compile(r"\{([a-z_]+[0-9]*)\}")
_UUID = re.compile(r"[0-9a-f-]{36}")


@dataclass(frozen=True)
class Done:
    """What came of a run: output of all its commands, the status of the one it is about, the
    places it filled in, and what ``{host}/file`` holds.
    """

    output: str
    status: int
    places: Mapping[str, str]
    stored: str

    def filled(self, expression: str) -> str:
        """Return a regular expression with its places filled in."""
        return _PLACE.sub(lambda match: re.escape(self.places[match[1]]), expression)


class Doer:
    """Runs on one data directory, collected after each of them as rkt's harness did."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._data = home / "data"
        self._images: dict[str, Path] = {}
        self._done: dict[Run, Done] = {}

    def do(self, run: Run) -> Done:
        """Return what comes of ``run``."""
        if run not in self._done:
            where = Path(tempfile.mkdtemp(prefix="run", dir=self._home))
            self._done[run] = self._do(run, where)
            collected = self._rktpy(("gc", "--grace-period=0s", "--expire-prepared=0s"))
            assert collected.returncode == 0, collected.stdout
        return self._done[run]

    def _do(self, run: Run, where: Path) -> Done:
        places = _host_places() | self._image_places(run.images) | _directories(where)
        places["manifest"] = _pod_manifest(run, places, where)
        if run.images and any(place.startswith("id") for place in _named(run)):
            self._must(("fetch", *(str(self._image(image)) for image in run.images)))
        said = ""
        if run.prepare:
            said = self._must(_filled(run.prepare, places))
            places["uuid"] = _UUID.findall(said)[-1]
        with _mounted(where / "nested/inner", wanted="nested" in _named(run)):
            words = _filled(run.command, places)
            result = self._rktpy(words, env=run.env, stdin=run.stdin)
        said += result.stdout
        if (where / "uuid").exists():
            places["uuid"] = (where / "uuid").read_text()
        if run.after:
            said += self._must(_filled(run.after, places))
        volume = where / ("nested" if "nested" in _named(run) else "host")
        return Done(said, result.returncode, places, (volume / "file").read_text())

    def _image_places(self, images: Sequence[Image]) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, image in enumerate(images):
            path = self._image(image)
            suffix = str(number + 1) if number else ""
            found |= {f"image{suffix}": str(path), f"id{suffix}": image_id(path)}
        return found

    def _image(self, image: Image) -> Path:
        """Return the file of ``image``; images that say the same are one file."""
        key = json.dumps(vars(image), sort_keys=True)
        if key not in self._images:
            self._images[key] = _build(self._home / f"image{len(self._images)}.aci", image)
        return self._images[key]

    def _must(self, words: Sequence[str]) -> str:
        result = self._rktpy(("--insecure-options=image", *words))
        assert result.returncode == 0, result.stdout
        return result.stdout

    def _rktpy(
        self, words: Sequence[str], *, env: Mapping[str, str] | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Run rktpy as rkt's harness did: four directories of its own, output merged."""
        none = self._home / "none"
        dirs = [f"--{name}={none}" for name in ("local-config", "system-config", "user-config")]
        result = subprocess.run(
            [*launcher(), f"--dir={self._data}", *dirs, *words],
            env={"PATH": os.environ["PATH"], **(env or {})},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_SECONDS,
            check=False,
        )
        text = result.stdout.decode(errors="replace").replace("\r\n", "\n")
        return subprocess.CompletedProcess(result.args, result.returncode, text)


def _filled(words: Sequence[str], places: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(_PLACE.sub(lambda match: places[match[1]], word) for word in words)


def _named(run: Run) -> set[str]:
    """Return the places ``run`` names."""
    words = " ".join([*run.prepare, *run.command])
    return set(_PLACE.findall(words + json.dumps(run.manifest)))


def _host_places() -> dict[str, str]:
    found = {name: os.readlink(f"/proc/self/ns/{name}") for name in ("ipc", "net")}
    for name, path in (("hosts", "/etc/hosts"), ("resolv", "/etc/resolv.conf")):
        found[name] = hashlib.sha1(Path(path).read_bytes()).hexdigest()  # noqa: S324  # rkt's choice
    return found


def _directories(where: Path) -> dict[str, str]:
    for name in ("host", "other", "nested", "nested/inner"):
        (where / name).mkdir()
        (where / name / "file").write_text(
            "outer" if "/" in name else name.replace("nested", "host")
        )
    (where / "env").write_text(_ENV_FILE)
    names = ("host", "other", "nested")
    found = {name: str(where / name) for name in names}
    return found | {"env_file": str(where / "env"), "uuid_file": str(where / "uuid")}


@contextlib.contextmanager
def _mounted(point: Path, *, wanted: bool) -> Iterator[None]:
    """Have a tmpfs on ``point`` whose ``file`` holds ``inner``."""
    if not wanted:
        yield
        return
    command.run(["mount", "-t", "tmpfs", "tmpfs", str(point)])
    try:
        (point / "file").write_text("inner")
        yield
    finally:
        command.run(["umount", str(point)])


def _pod_manifest(run: Run, places: Mapping[str, str], where: Path) -> str:
    manifest = {"acVersion": AC_VERSION, "acKind": "PodManifest", **run.manifest}
    path = where / "pod.json"
    path.write_text(*_filled([json.dumps(manifest)], places))
    return str(path)


def _build(path: Path, image: Image) -> Path:
    manifest = dict(image.manifest)
    options: dict[str, Any] = {}
    if "labels" in manifest:
        options["labels"] = {item["name"]: item["value"] for item in manifest["labels"]}
    if "app" in manifest:
        options["manifest"] = image_manifest(image.name, exec=None)
    if image.files:
        options["files"] = inspect_files() | dict(image.files)
    isolators = () if "isolators" in image.app else ISOLATORS
    app = dict(image.app)
    return inspect_aci(
        path,
        *image.arguments,
        name=image.name,
        app=app,
        isolators=isolators,
        **options,
    )
