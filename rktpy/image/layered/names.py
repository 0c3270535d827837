"""Names of images in registries: ``[registry[:port]/]repository[:tag][@digest]``. Pure.

The grammar is that of the distribution project's ``reference`` package, with docker's two rules:
a first component without a dot, a colon or ``localhost`` is no registry, and docker's own
registry has a ``library/``.
"""

from __future__ import annotations

import re

from rktpy.errors import RktError
from rktpy.value import Value

HUB = "registry-1.docker.io"
HUB_NAMES = ("docker.io", "index.docker.io", HUB)
_LONGEST = 255
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGESTS = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+")


class RegistryNameError(RktError):
    """The text names no image of a registry."""


class RegistryName(Value):
    """``registry`` is the host to ask; of ``tag`` and ``digest`` one is empty."""

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def reference(self) -> str:
        """What a manifest is asked for by."""
        return self.digest or self.tag

    def __str__(self) -> str:
        mark = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.registry}/{self.repository}{mark}"


def parse_name(text: str) -> RegistryName:
    """Return what ``text``, without a scheme, names; without tag and digest it is ``latest``.

    Raises:
        RegistryNameError: it is out of the grammar.
    """
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise RegistryNameError(
            f"{digest} is not a digest that can be checked: sha256:… or sha512:…"
        )
    head, slash, tail = rest.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        registry, rest = head, tail
    else:
        registry = HUB
    repository, colon, tag = rest.partition(":")
    if registry in HUB_NAMES:
        registry = HUB
        repository = repository if "/" in repository else f"library/{repository}"
    if repository != repository.lower():
        raise RegistryNameError("invalid reference format: repository name must be lowercase")
    if (
        not _DOMAIN.fullmatch(registry)
        or not _REPOSITORY.fullmatch(repository)
        or len(registry) + len(repository) >= _LONGEST
        or (colon and not is_tag(tag))
    ):
        raise RegistryNameError("invalid reference format")
    return RegistryName(registry, repository, "" if at else tag or "latest", digest)


def is_tag(text: str) -> bool:
    """Return whether ``text`` can be a tag."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Return whether ``text`` is a digest that can be checked, and is safe in a path."""
    algorithm, _, value = text.partition(":")
    return len(value) == _DIGESTS.get(algorithm) and _HEX.fullmatch(value) is not None
