"""``list``: every pod a user can name."""

from __future__ import annotations

from rktpy.pod.lifecycle import PodGoneError, pods
from rktpy.pod.record import Recently, read_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rktpy.pod.lifecycle import Pod
    from rktpy.pod.record import PodRecord
    from rktpy.verbs.site import Site


def list_pods(site: Site, *, odd: Callable[[str], None]) -> Iterator[tuple[Pod, PodRecord]]:
    """Yield pods with their records ordered by UUID; a pod that vanishes meanwhile is left out.

    ``odd`` hears names in the pod directories that are no UUIDs.
    """
    recently = Recently()
    for pod in pods(site.layout, odd=odd):
        try:
            record = read_record(pod, recently)
        except PodGoneError:
            continue
        yield pod, record
