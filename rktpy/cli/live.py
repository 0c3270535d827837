"""Names that exist right now, for completion. Never fails: no names is an answer."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.verbs.site import Site

_PHASES = {
    "pod": ("prepare", "prepared", "run", "exited-garbage"),
    "running-pod": ("run",),
}


def pods(site: Site, what: str) -> list[tuple[str, str]]:
    """Return the UUIDs a command accepts, each with its directory, and names with their UUIDs."""
    found: list[tuple[str, str]] = []
    for phase in _PHASES[what]:
        try:
            names = os.listdir(site.layout.phase_dir(phase))
        except Exception:  # noqa: BLE001, S112 - a shell must not see our troubles
            continue
        found += [(name, phase) for name in names]
    phases = dict(found)
    try:
        from rktpy.pod.naming import names as named

        found += [(name, uuid) for name, uuid in named(site.layout).items() if uuid in phases]
    except Exception:  # noqa: BLE001, S110 - see above
        pass
    return sorted(found)


def images(site: Site) -> list[tuple[str, str]]:
    """Return names and short hashes of stored images."""
    try:
        from rktpy.store.images import ImageStore

        stored = ImageStore(site.layout).images()
        found = []
        for image in stored:
            version = next((label.value for label in image.labels if label.name == "version"), "")
            name = f"{image.name}:{version}" if version else str(image.name)
            found += [(name, image.key[:19]), (image.key[:19], name)]
    except Exception:  # noqa: BLE001 - see above
        return []
    return sorted(found)
