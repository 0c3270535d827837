"""What the actors of a soak share: a data directory, image files, a journal of all they did."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rktpy.layout import Layout
from tests.integration.run.images import shell_aci, shell_files
from tests.support import archive, layouts

if TYPE_CHECKING:
    import random

    from tests.support.images import Content

COMMAND = Path(sys.executable).with_name("rktpy")
PORTS = range(18000, 18004)
NAMES = ("red", "green", "blue")
NO_POD = "00000000-dead-4bad-8bad-000000000000"


def make_images(directory: Path) -> list[str]:
    """Write a few small images, three of which share a layer; return how commands name them."""
    base = {name.strip("/"): _entry(what) for name, what in shell_files().items()}
    layout = layouts.Layout(directory / "oci")
    config = {"Entrypoint": ["/bin/sh", "-c"], "ExposedPorts": {"80/tcp": {}}}
    tags = ("one", "two", "three")
    for tag in tags:
        own = {"etc/own": archive.file(f"{tag}\n" * 1000)}
        layout.image(base, own, {"etc/top": archive.file(tag)}, tag=tag, config=config)
    saved = layout.archive(directory / "saved.tar")
    app = {"ports": [{"name": "80-tcp", "protocol": "tcp", "port": 80}]}
    return [
        str(shell_aci(directory / "shell.aci", app=app)),
        *(f"oci:{layout.path}:{tag}" for tag in tags),
        f"oci-archive:{saved}:one",
    ]


def _entry(content: Content) -> archive.Entry:
    if isinstance(content, Path):
        return archive.file(content.read_bytes(), 0o755)
    return archive.file(content) if isinstance(content, (bytes, str)) else content


class World:
    """One data directory and what is going on in it. ``trouble`` counts every begin and end of a
    shortage, so that two looks at it tell whether there was any in between.
    """

    def __init__(self, data: Path, home: Path, images: list[str], journal: Path) -> None:
        self.layout = Layout(str(data))
        self.home = home
        self.images = images
        self.tight = False  # the disk is small, and may be full at any time
        self.trouble = 0
        self.troubled = False
        self.stopping = threading.Event()
        self.findings: list[str] = []
        self.told_to_end: set[str] = set()  # UUIDs of pods
        self.counts = {"operations": 0, "kills": 0, "refusals": 0}
        self._journal = journal.open("a", encoding="utf-8")
        self._writing = threading.Lock()
        self._began = time.monotonic()

    def argv(self, *args: str) -> list[str]:
        """Return the command line of ``rktpy`` for this data directory."""
        return [str(COMMAND), f"--dir={self.layout.data}", "--insecure-options=image", *args]

    def note(self, **what: Any) -> None:
        """Write a line to the journal."""
        with self._writing:
            moment = round(time.monotonic() - self._began, 3)
            self._journal.write(json.dumps({"at": moment} | what) + "\n")
            self._journal.flush()

    def find(self, text: str) -> None:
        """Note something that ought not to be."""
        self.findings.append(text)
        self.note(finding=text)

    def count(self, what: str, number: int = 1) -> None:
        with self._writing:
            self.counts[what] += number

    def pods(self, *phases: str) -> list[str]:
        """Return the UUIDs of pods in ``phases``, as the disk has them."""
        return sorted(name for phase in phases for name in _names(self.layout.phase_dir(phase)))

    def some_pod(self, rng: random.Random, *phases: str) -> str:
        """Return one of them; now and then, and if there is none, one that nobody has."""
        found = self.pods(*phases)
        return rng.choice(found) if found and rng.random() > 0.03 else NO_POD

    def some_image(self, rng: random.Random) -> str:
        """Return the key of a stored image, or one that nobody has."""
        shards = f"{self.layout.image_manifests}/sha512"
        found = sorted(key for shard in _names(shards) for key in _names(f"{shards}/{shard}"))
        return rng.choice(found) if found else "sha512-" + "0" * 64

    def close(self) -> None:
        self._journal.close()


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
