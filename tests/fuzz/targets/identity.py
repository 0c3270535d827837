"""The passwd and group of an image: whom an app runs as."""

from __future__ import annotations

import os
import tempfile

from rktpy.errors import RktError
from rktpy.pod.app.users import resolve_group, resolve_user
from tests.fuzz.mutate import text
from tests.fuzz.target import Target

_WORDS = (
    b"root:x:0:0:root:/root:/bin/sh\n",
    b"www:x:33:\n",
    b"www",
    b":",
    b"\n",
    b"+",
    b"-",
    b"4294967295",
)


class _Image:
    def __init__(self) -> None:
        self._root = ""

    def run(self, data: bytes) -> None:
        if not self._root:
            self._root = tempfile.mkdtemp()
            os.mkdir(f"{self._root}/etc")
        for name in ("passwd", "group"):
            with open(f"{self._root}/etc/{name}", "wb") as file:
                file.write(data)
        for resolve in (resolve_user, resolve_group):
            for word in ("www", "", "\u00e9", "/etc/passwd", data[:40].decode("latin-1")):
                try:
                    resolve(self._root, word.replace("\0", ""))
                except RktError:
                    continue


TARGET = Target(_Image().run, lambda: _WORDS, text(*_WORDS))
