"""``rktpy prepare``: make a pod that ``run-prepared`` can start later."""

from __future__ import annotations

import os

from rktpy.nspawn.limits.enforcement import check_strict, unsupported
from rktpy.pod.command import as_typed, write_command
from rktpy.pod.lifecycle import create
from rktpy.pod.phase import Phase
from rktpy.systemd.facts import host_facts
from rktpy.systemd.features import check_systemd
from rktpy.verbs.image.fetching import store_of
from rktpy.verbs.start.gathering import gather
from rktpy.verbs.start.preparing import (
    check_user_namespace,
    choose_overlay,
    discard,
    fill,
    prepare_lock,
    replace_pod,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.pod.before.contents import Contents
    from rktpy.verbs.site import Site
    from rktpy.verbs.start.requests import PrepareRequest


def prepare_pod(site: Site, request: PrepareRequest) -> str:
    """Return the UUID of a new pod in ``prepared``, durable on disk and unlocked.

    Raises:
        RktError: anything on the way; then no pod is left behind.
    """
    facts = host_facts(os.environ)
    check_systemd(facts)
    overlay = choose_overlay(facts, wanted=request.source.overlay)
    if request.source.private_users:
        check_user_namespace(facts, overlay=overlay)
    store = store_of(site)
    with prepare_lock(site.layout):
        contents = gather(site, store, request.source, overlay=overlay)
        if request.strict_isolators:
            _check_isolators(contents)
        if request.source.replace_pod:
            replace_pod(site.layout, contents)
        pod = create(site.layout)
        try:
            fill(pod, contents, request.source)
            write_command(pod.tree, as_typed(request.words))
            pod.move(Phase.PREPARED)
        except BaseException:
            discard(pod)
            raise
    pod.close()
    return pod.uuid


def _check_isolators(contents: Contents) -> None:
    """Refuse what no host will enforce; whether this one can enforce the rest, the start tells.

    Raises:
        StrictIsolatorError: there is such an isolator.
    """
    for runtime in contents.manifest.apps:
        app = runtime.app or contents.apps[runtime.name].manifest.app
        if app is not None:
            check_strict(unsupported(runtime.name, app.isolators))
