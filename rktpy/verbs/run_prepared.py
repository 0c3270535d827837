"""``rktpy run-prepared``: start a pod that ``prepare`` has made, from its own files alone."""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.flavour.placing import foresee
from rktpy.pod.before.contents import read_contents
from rktpy.pod.command import add_start, as_typed
from rktpy.pod.phase import Phase, State
from rktpy.systemd.facts import host_facts
from rktpy.systemd.features import check_systemd
from rktpy.verbs.lookup import retrieve_pod
from rktpy.verbs.network.joining import plan_networks
from rktpy.verbs.start.starting import check_start, lowers_of, start_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from rktpy.flavour.placing import Foreseen
    from rktpy.pod.before.contents import Contents
    from rktpy.pod.lifecycle import Pod
    from rktpy.systemd.facts import HostFacts
    from rktpy.verbs.network.joining import Joins
    from rktpy.verbs.site import Site
    from rktpy.verbs.start.requests import RunPreparedRequest


class NotPreparedError(RktError):
    """The pod is not waiting to be run."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"pod {quote(uuid)} is not prepared", hint=f"see: rktpy status {uuid}")


def run_prepared_pod(site: Site, request: RunPreparedRequest) -> NoReturn:
    """Become the prepared pod whose UUID begins with ``request.uuid``.

    Two callers race by the lock and the rename; the loser is told that the pod is not prepared.

    Raises:
        RktError: it is not there, not prepared, or cannot be started.
    """
    pod = retrieve_pod(site, request.uuid)
    if pod.state() != State.PREPARED:
        raise NotPreparedError(pod.uuid)
    with pod:
        try:
            contents, joins, facts, foreseen = _take(site, request, pod)
        except (RktError, OSError):
            if os.path.isdir(site.layout.pod(Phase.PREPARED, pod.uuid).root):
                raise
            raise NotPreparedError(pod.uuid) from None  # whoever took it caused all else
        start_pod(site, pod, contents, request.start, joins, facts, foreseen)


def _take(
    site: Site, request: RunPreparedRequest, pod: Pod
) -> tuple[Contents, Joins, HostFacts, Foreseen]:
    """Look whether the pod can be started here, and make it ours. Errors as ``run_prepared_pod``,
    and any where somebody else moves it meanwhile.
    """
    contents = read_contents(pod.tree, pod.manifest())
    check_start(request.start, contents)
    joins = plan_networks(
        site,
        request.start.net,
        contents,
        user_namespace=contents.private_users is not None,
    )
    lowers_of(site, contents)  # while the pod is still prepared
    facts = host_facts(os.environ)
    check_systemd(facts)
    foreseen = foresee(booted=facts.booted)
    if contents.overlay and not facts.overlay:
        raise RktError(
            "unable to run prepared overlay-enabled pod: overlay not supported",
            hint="load the kernel's overlay module",
        )
    pod.acquire(wait=False)  # who holds it is running it, perhaps for ever
    if pod.phase != Phase.PREPARED:
        raise NotPreparedError(pod.uuid)
    add_start(pod.tree, as_typed(request.words))
    pod.move(Phase.RUN)
    return contents, joins, facts, foreseen
