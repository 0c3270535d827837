"""The large image of the fetch rows: 104 MiB in 2000 files, every other one of random bytes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.images import build_aci

if TYPE_CHECKING:
    from pathlib import Path

_FILES = 2000
_SIZE = 104 * (1 << 20) // _FILES


def image(home: Path, compression: str | None) -> Path:
    """Return the image below ``home``, made when first asked for; equal in every run."""
    path = home / f"large-{compression or 'plain'}.aci"
    if not path.exists():
        rng = random.Random(1)  # noqa: S311  # data, not secrets
        text = b"the quick brown fox jumps over the lazy dog, and this is line number %d\n"
        line = b"".join(text % number for number in range(_SIZE // 60))[:_SIZE]
        files: dict[str, bytes] = {
            f"/data/{number // 100}/{number}": rng.randbytes(_SIZE) if number % 2 else line
            for number in range(_FILES)
        }
        build_aci(path, name="example.com/large", files=files, compression=compression)
    return path
