"""``list``: every pod a user can name."""

from __future__ import annotations

from rktpy.pod.lifecycle import PodGoneError, pods
from rktpy.pod.state.record import Recently, read_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rktpy.pod.lifecycle import Pod
    from rktpy.pod.state.record import PodRecord
    from rktpy.verbs.site import Site


def list_pods(
    site: Site, labels: Sequence[str] = (), *, odd: Callable[[str], None]
) -> Iterator[tuple[Pod, PodRecord]]:
    """Yield pods with their records ordered by UUID; a pod that vanishes meanwhile is left out.

    Every one of ``labels`` must be among the pod's own: ``key=value``, or ``key`` with any value.
    ``odd`` hears names in the pod directories that are no UUIDs.
    """
    recently = Recently()
    for pod in pods(site.layout, odd=odd):
        try:
            record = read_record(pod, recently)
        except PodGoneError:
            continue
        if not labels or _has(record, labels):
            yield pod, record


def user_labels(record: PodRecord) -> dict[str, str]:
    """Return the labels a pod was given, none if its manifest says nothing sensible."""
    found = (record.manifest or {}).get("userLabels")
    return found if isinstance(found, dict) else {}


def _has(record: PodRecord, labels: Sequence[str]) -> bool:
    own = user_labels(record)
    for label in labels:
        key, equals, value = label.partition("=")
        if key not in own or (equals and own[key] != value):
            return False
    return True
