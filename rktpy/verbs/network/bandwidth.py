"""The isolator ``resource/network-bandwidth``: from manifests to one rate for the pod. Pure.

Apps of a pod share its links, so a limit of single apps can only be kept together: if all have one,
their sum is that of the pod. It holds for each network and each way; the loopback is free.
"""

from __future__ import annotations

from rktpy.appc import isolators as of
from rktpy.flavour.plan import Bandwidth
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rktpy.pod.before.contents import Contents

_SHARED = "apps share the pod's networks, and not all of them have a limit"


class Wanted(Value):
    """The limit that the isolators of a pod add up to: ``rate`` in bytes per second, 0 for none;
    ``partial`` if only some apps have one, which cannot be enforced."""

    rate: int = 0
    partial: bool = False


def wanted(contents: Contents) -> Wanted:
    """Return what the manifests of a pod ask for."""
    apps = [runtime.app or contents.apps[runtime.name].manifest.app
            for runtime in contents.manifest.apps]  # fmt: skip
    limits = [of.network_bandwidth(app.isolators) if app else None for app in apps]
    given = [limit.integer() for limit in limits if limit is not None]
    pod = of.network_bandwidth(contents.manifest.isolators)
    rates = [] if pod is None else [pod.integer()]
    partial = 0 < len(given) < len(limits)
    if given and not partial:
        rates.append(sum(given))
    return Wanted(max(min(rates), 1) if rates else 0, partial)


def fate(asked: Wanted, why: str, unshaped: Iterable[str] = ()) -> Bandwidth:
    """Return whether the isolators are enforced. ``why`` is the reason if there is no network to
    limit, ``unshaped`` are the networks that cannot be limited."""
    names = ", ".join(unshaped)
    if names and not why:
        why = f"nothing limits pods in network {names}"
    return Bandwidth(pod=why, apps=why or (_SHARED if asked.partial else ""))
