"""Which operating systems and architectures labels may name, and which of them run here."""

from __future__ import annotations

from rktpy.appc.errors import AppcError
from rktpy.appc.fields import items
from rktpy.appc.types import Label, find, refuse_duplicates
from rktpy.codec import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VALID: Mapping[str, tuple[str, ...]] = {
    "darwin": ("x86_64", "i386"),
    "freebsd": ("amd64", "i386", "arm"),
    "linux": (
        "amd64", "i386", "aarch64", "aarch64_be", "armv6l", "armv7l", "armv7b",
        "ppc64", "ppc64le", "s390x",
    ),
}  # fmt: skip

# Narrower than the above, as rkt's: what a pod is started for.
RUNNABLE: Mapping[str, tuple[str, ...]] = {
    "linux": (
        "amd64", "i386", "aarch64", "aarch64_be", "armv6l", "armv7l", "armv7b", "ppc64le",
    ),
}  # fmt: skip

_MACHINES = {
    "x86_64": "amd64", "aarch64": "aarch64", "aarch64_be": "aarch64_be", "armv6l": "armv6l",
    "armv7l": "armv7l", "armv8l": "armv7l", "armv7b": "armv7b", "ppc64": "ppc64",
    "ppc64le": "ppc64le", "s390x": "s390x",
    "i386": "i386", "i486": "i386", "i586": "i386", "i686": "i386",
}  # fmt: skip

_FROM_GO = {
    ("linux", "amd64", ""): ("linux", "amd64"),
    ("linux", "386", ""): ("linux", "i386"),
    ("linux", "arm64", ""): ("linux", "aarch64"),
    ("linux", "arm64", "v8"): ("linux", "aarch64"),  # what registries write today
    ("linux", "arm", ""): ("linux", "armv6l"),
    ("linux", "arm", "6"): ("linux", "armv6l"),
    ("linux", "arm", "7"): ("linux", "armv7l"),
    ("linux", "ppc64", ""): ("linux", "ppc64"),
    ("linux", "ppc64le", ""): ("linux", "ppc64le"),
    ("linux", "s390x", ""): ("linux", "s390x"),
    ("freebsd", "amd64", ""): ("freebsd", "amd64"),
    ("freebsd", "386", ""): ("freebsd", "i386"),
    ("freebsd", "arm", ""): ("freebsd", "arm"),
    ("freebsd", "arm", "5"): ("freebsd", "arm"),
    ("freebsd", "arm", "6"): ("freebsd", "arm"),
    ("freebsd", "arm", "7"): ("freebsd", "arm"),
    ("darwin", "amd64", ""): ("darwin", "x86_64"),
    ("darwin", "386", ""): ("darwin", "i386"),
}


def host_arch(machine: str = "") -> str:
    """Return the appc name of ``machine`` (``uname -m``; empty is this host).

    A machine appc has no name for is returned unchanged, so that a label can still name it.
    """
    if not machine:
        import os

        machine = os.uname().machine
    return _MACHINES.get(machine, machine)


def from_go(os_name: str, arch: str, variant: str = "") -> tuple[str, str]:
    """Return the appc (os, arch) of a Go or docker platform; ``variant`` with or without ``v``.

    Raises:
        AppcError: appc has no name for it.
    """
    known = _FROM_GO.get((os_name, arch, variant)) or _FROM_GO.get(
        (os_name, arch, variant.removeprefix("v"))
    )
    if known is None:
        listed = " - ".join(map(quote, (os_name, arch, variant)))
        raise AppcError(f"unknown arch tuple: {listed}")
    return known


def check_os_arch(
    os_name: str | None, arch: str | None, valid: Mapping[str, tuple[str, ...]]
) -> None:
    """Raise unless ``valid`` has the pair; ``arch`` counts only beside an ``os``."""
    if os_name is None:
        return
    arches = valid.get(os_name)
    if arches is None:
        raise AppcError(f"bad os {quote(os_name)} (must be one of: [{' '.join(sorted(valid))}])")
    if arch is not None and arch not in arches:
        raise AppcError(
            f"bad arch {quote(arch)} for {os_name} (must be one of: [{' '.join(arches)}])"
        )


def check_runnable(labels: tuple[Label, ...]) -> None:
    """Raise unless an image with ``labels`` can run on some host of rktpy's kind.

    Raises:
        AppcError: ``os`` or ``arch`` is missing, or not one rktpy starts.
    """
    os_name, arch = find(labels, "os"), find(labels, "arch")
    if os_name is None:
        raise AppcError("missing os label in the image manifest")
    if arch is None:
        raise AppcError("missing arch label in the image manifest")
    check_os_arch(os_name, arch, RUNNABLE)


def read_labels(
    fields: Mapping[str, object], key: str = "labels", *, lenient: bool = False
) -> tuple[Label, ...]:
    """Return the labels at ``key`` of a JSON object, each checked by itself."""
    return items(fields, key, lambda item: Label.from_object(item, lenient=lenient))


def check_labels(labels: tuple[Label, ...]) -> None:
    """Raise if a name occurs twice, is ``name``, or os and arch do not go together."""
    if not labels:
        return
    names = [label.name for label in labels]
    if "name" in names:
        raise AppcError('invalid label name: "name"')
    refuse_duplicates(names, "duplicate labels of name")
    check_os_arch(find(labels, "os"), find(labels, "arch"), VALID)
