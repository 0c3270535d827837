"""The index of images as JSON: what is not to be understood, the database answers instead."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rktpy.errors import RktError
from rktpy.layout import Layout
from rktpy.store.images import ImageStore
from rktpy.store.importing import Terms
from rktpy.verbs.image.list import SORT_FIELDS, stored_images
from rktpy.verbs.site import Site
from tests.fuzz.mutate import stretch_json, structured
from tests.fuzz.target import Target
from tests.support.images import build_aci


class _Snapshot:
    def __init__(self) -> None:
        self._layout: Layout | None = None
        self._key = ""

    def layout(self) -> Layout:
        if self._layout is None:
            folder = tempfile.mkdtemp()
            self._layout = Layout(f"{folder}/data")
            store = ImageStore(self._layout)
            for name in ("example.com/a", "example.com/b"):
                path = build_aci(Path(folder, "a.aci"), name=name)
                fd = os.open(path, os.O_RDONLY)
                self._key = store.add_aci(fd, Terms(render=False))
                os.close(fd)
        return self._layout

    def seeds(self) -> list[bytes]:
        return [Path(self.layout().index_snapshot).read_bytes()]

    def run(self, data: bytes) -> None:
        layout = self.layout()
        Path(layout.index_snapshot).write_bytes(data)
        store = ImageStore(layout)
        for text in (self._key[:20], "example.com/a", "example.com/b:1"):
            try:
                store.find_or_key(text)
            except RktError:
                continue
        store.accepts(self._key)
        stored_images(Site(data_dir=layout.data), SORT_FIELDS)


_snapshot = _Snapshot()
TARGET = Target(
    _snapshot.run, _snapshot.seeds, structured(("format", "boot", "images")), stretch_json
)
