"""One behaviour that rkt's functional tests assert, as data (rkt-cli.md 12).

The cases are run by ``tests/integration/rkt``; a unit test checks that they are well-formed.
Words of a command may hold ``{image}`` (the case's image), ``{second}`` and ``{third}`` (further
ones), ``{host}`` (a host directory whose ``file`` contains ``host``) and ``{env_file}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILED = 254


@dataclass(frozen=True)
class Image:
    """The inspect image with other arguments or a changed manifest.

    ``app`` adds or replaces keys of its app object, ``manifest`` top-level keys (None removes).
    """

    arguments: tuple[str, ...] = ()
    name: str = "coreos.com/rkt-inspect"
    app: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A command line and what must come of it.

    ``source`` names rkt's test; ``expect`` is a regular expression for stdout and stderr taken
    together, ``refuse`` one that must not match; ``status`` the exit status, None where rkt's test
    does not look at it; ``stored`` what ``{host}/file`` holds afterwards, if not empty. ``gap``
    says why rktpy does not behave so on every host yet.
    """

    source: str
    name: str
    command: tuple[str, ...]
    images: tuple[Image, ...] = ()
    expect: str = ""
    refuse: str = ""
    status: int | None = 0
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: bytes = b""
    stored: str = ""
    gap: str = ""

    @property
    def id(self) -> str:
        return f"{self.source}: {self.name}"


def run(*words: str) -> tuple[str, ...]:
    """Return the usual command: an unsigned image, run on the host's network."""
    return ("--insecure-options=image", "run", "--net=host", "--mds-register=false", *words)


def inspect(source: str, name: str, *arguments: str, expect: str, **options: Any) -> Case:
    """Return a case of running the inspect image with ``arguments``."""
    return Case(source, name, run("{image}"), images=(Image(arguments),), expect=expect, **options)
