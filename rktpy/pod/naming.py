"""Names people give to pods, usable wherever a UUID is.

<data dir>/names/<name>    a link whose text is the UUID of the pod that has the name
<pod>/name                 the same from the other side, so that deletion knows what to free

Names are unique among the pods one can see; an ended pod keeps its own until it is deleted. The
file comes before the link, so whatever a killed start leaves is freed with its pod. A link whose
pod is gone names nothing, and the next pod of that name takes it over.
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.pod.names import is_uuid
from rktpy.pod.phase import VISIBLE_PHASES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from rktpy.layout import Layout
    from rktpy.pod.lifecycle import Pod

NAME_ANNOTATION = "rktpy/pod-name"  # of the pod manifest: where ``list`` reads it for nothing

_HEX = "0123456789abcdef-"
_ALPHANUMERIC = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ALLOWED = frozenset(_ALPHANUMERIC + "_.-")
_LONGEST = 64
_SHORT_UUID = 8  # what ``list`` prints of a UUID


class PodNameError(RktError):
    """The text cannot name a pod."""


class NameTakenError(RktError):
    """Another pod has the name."""

    def __init__(self, name: str, uuid: str) -> None:
        super().__init__(
            f"the name {quote(name)} belongs to pod {quote(uuid)}",
            hint=f"remove that pod with: rktpy rm {name}",
        )


class NoNameError(RktError):
    """A name is to be taken over, and none was given."""

    def __init__(self) -> None:
        super().__init__("--replace needs the name of a pod", hint="add --pod-name=NAME")


def check_name(name: str) -> None:
    """Refuse what cannot name a pod; what ``list`` prints of a UUID must never name another one.

    Raises:
        PodNameError: with the rule that is broken.
    """
    if not _is_name(name):
        raise PodNameError(
            f"invalid pod name {quote(name)}",
            hint=f"use up to {_LONGEST} letters, digits, _, . and -, a letter or digit first",
        )
    if len(name) >= _SHORT_UUID and not name.lower().strip(_HEX):
        raise PodNameError(f"pod name {quote(name)} looks like a UUID", hint="choose another")


def name_in(manifest: Mapping[str, Any] | None) -> str:
    """Return the name in a parsed, unchecked pod manifest; "" if it has none."""
    try:
        for note in (manifest or {}).get("annotations") or ():
            if note["name"] == NAME_ANNOTATION:
                return str(note["value"])
    except (TypeError, KeyError):
        pass  # written by somebody else; whoever needs more of it will say so
    return ""


def holder(layout: Layout, name: str) -> str:
    """Return the UUID that ``name`` leads to, "" if nothing has it. The pod may be gone."""
    if not _is_name(name):
        return ""
    try:
        uuid = os.readlink(f"{layout.names}/{name}")
    except OSError:
        return ""
    return uuid if is_uuid(uuid) else ""


def claim(pod: Pod, name: str, make_way: Callable[[], None] | None = None) -> None:
    """Give a pod that we hold locked its name; ``release`` undoes it, also from half-way.

    ``make_way`` is called as often as another pod has the name, and removes that.

    Raises:
        NameTakenError: a visible pod has it.
        OSError: the disk is full.
    """
    from rktpy.host.files import write_new
    from rktpy.host.lock import lock_dir

    layout = pod.layout
    write_new(pod.tree.name, name.encode())
    os.makedirs(layout.names, mode=0o750, exist_ok=True)
    while True:
        with lock_dir(layout.names):
            taken = holder(layout, name)
            if not taken or not _is_visible(layout, taken):
                _link(layout, name, pod.uuid)
                return
        if make_way is None:
            raise NameTakenError(name, taken)
        make_way()


def release(pod: Pod) -> None:
    """Free the name of a pod that is being deleted, if it has one. Repeating it is harmless."""
    from rktpy.host.lock import lock_dir
    from rktpy.pod.texts import read_text

    name = read_text(pod.tree.name)
    if not name and os.path.lexists(pod.tree.name):  # emptied by a power cut; the link is whole
        name = next((one for one, uuid in names(pod.layout).items() if uuid == pod.uuid), "")
    if not name or holder(pod.layout, name) != pod.uuid:
        return
    with lock_dir(pod.layout.names):
        if holder(pod.layout, name) == pod.uuid:
            os.unlink(f"{pod.layout.names}/{name}")


def names(layout: Layout) -> dict[str, str]:
    """Return the UUID each name leads to; their pods may be gone."""
    try:
        found = os.listdir(layout.names)
    except FileNotFoundError:
        return {}
    return {name: uuid for name in sorted(found) if (uuid := holder(layout, name))}


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST and text[0] in _ALPHANUMERIC and _ALLOWED.issuperset(text)


def _link(layout: Layout, name: str, uuid: str) -> None:
    link = f"{layout.names}/{name}"
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(uuid, link)


def _is_visible(layout: Layout, uuid: str) -> bool:
    """Return whether the pod is one a user can see; a moving one is met at least once."""
    return any(os.path.lexists(f"{layout.phase_dir(phase)}/{uuid}") for phase in VISIBLE_PHASES)
