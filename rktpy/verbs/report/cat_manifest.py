"""``cat-manifest``: the manifest a pod was made from."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.verbs.lookup import retrieve_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.verbs.site import Site


class ManifestError(RktError):
    """The pod has no manifest (yet), or not one that can be read."""

    def __init__(self) -> None:
        super().__init__("cannot read the pod manifest")


def pod_manifest(site: Site, uuid: str) -> dict[str, object]:
    """Return the manifest of a pod as a JSON object in its canonical order.

    Raises:
        RetrieveError: there is no such pod.
        ManifestError: it has no manifest that can be read; the cause says why.
    """
    pod = retrieve_pod(site, uuid)
    try:
        return pod.manifest().to_object()
    except (RktError, OSError) as error:
        raise ManifestError from error
