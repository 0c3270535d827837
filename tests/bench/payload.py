"""What the large images hold: files of 53 KiB, every other one of random bytes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.images import build_aci

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = 104 * (1 << 20) // 2000


def files(size: int, seed: int) -> dict[str, bytes]:
    """Return files of ``size`` bytes together; equal seeds give equal files of equal names."""
    rng = random.Random(seed)  # data, not secrets
    text = b"the quick brown fox jumps over the lazy dog, and this is line number %d\n"
    line = b"".join(text % number for number in range(_SIZE // 60))[:_SIZE]
    return {
        f"/data/{seed}/{number // 100}/{number}": rng.randbytes(_SIZE) if number % 2 else line
        for number in range(size // _SIZE)
    }


def image(home: Path, compression: str | None) -> Path:
    """Return an image of 104 MiB below ``home``, made when first asked for; equal in every run."""
    path = home / f"large-{compression or 'plain'}.aci"
    if not path.exists():
        content = files(104 * (1 << 20), seed=1)
        build_aci(path, name="example.com/large", files=content, compression=compression)
    return path
