"""What a fuzzing target is: bytes of a stranger go in, and nothing but ``RktError`` comes out."""

from __future__ import annotations

import importlib
import os
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from rktpy.errors import RktError
from tests.fuzz import mutate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    Mutator: TypeAlias = "Callable[[bytes, Random], bytes]"

MIB = 1 << 20
TEXT = mutate.text()


@dataclass(frozen=True)
class Target:
    """One reader of strangers' bytes. ``run`` may raise ``allowed`` and nothing else.

    ``change`` returns an input a little different, ``stretch`` one of about a mebibyte that has
    more of the same: what is not linear shows there. ``memory`` is how much one input may make the
    process grow, in bytes. ``enter`` makes the process fit for ``run``, once, if it is root's and
    may be used up: it cannot be left again.
    """

    run: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    change: Mutator = TEXT
    stretch: Mutator = mutate.stretch_text
    allowed: tuple[type[BaseException], ...] = (RktError,)
    memory: int = 64 * MIB
    longest: int = 64 << 10
    enter: Callable[[], object] | None = None


def names() -> list[str]:
    """Return the names of all targets: of the modules of ``tests.fuzz.targets``."""
    folder = os.path.join(os.path.dirname(__file__), "targets")
    return sorted(module.name for module in pkgutil.iter_modules([folder]))


def load(name: str) -> Target:
    """Return the target ``name``; imports what it is about."""
    found = importlib.import_module(f"tests.fuzz.targets.{name}").TARGET
    assert isinstance(found, Target)
    return found
