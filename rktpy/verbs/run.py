"""``rktpy run``: turn images into a pod and become it."""

from __future__ import annotations

import os

from rktpy.flavour.placing import foresee
from rktpy.host.files import write_atomic
from rktpy.pod.command import as_typed, write_command
from rktpy.pod.lifecycle import create
from rktpy.pod.phase import Phase
from rktpy.systemd.facts import host_facts
from rktpy.systemd.features import check_systemd
from rktpy.verbs.image.fetching import store_of
from rktpy.verbs.network.joining import plan_networks
from rktpy.verbs.start.gathering import gather
from rktpy.verbs.start.preparing import (
    check_user_namespace,
    choose_overlay,
    discard,
    fill,
    prepare_lock,
    replace_pod,
)
from rktpy.verbs.start.starting import check_start, check_unit, start_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from rktpy.verbs.site import Site
    from rktpy.verbs.start.requests import RunRequest


def run_pod(site: Site, request: RunRequest) -> NoReturn:
    """Fetch what is missing, make a pod of it and become it; its exit status is the pod's.

    Raises:
        RktError: anything on the way; then no pod is left behind.
    """
    facts = host_facts(os.environ)
    check_systemd(facts)
    foreseen = foresee(booted=facts.booted)
    overlay = choose_overlay(facts, wanted=request.source.overlay)
    if request.source.private_users:
        check_user_namespace(facts, overlay=overlay)
    store = store_of(site)
    with prepare_lock(site.layout):
        contents = gather(site, store, request.source, overlay=overlay)
        check_start(request.start, contents)
        joins = plan_networks(
            site,
            request.start.net,
            contents,
            user_namespace=request.source.private_users,
        )
        if request.source.replace_pod:
            check_unit(facts)
            replace_pod(site.layout, contents)
        pod = create(site.layout)
        try:
            if request.uuid_file:
                write_atomic(request.uuid_file, pod.uuid.encode(), mode=0o644, durable=False)
            contents = fill(pod, contents, request.source)
            write_command(pod.tree, as_typed(request.words))
            pod.move(Phase.RUN)
            start_pod(site, pod, contents, request.start, joins, facts, foreseen)
        except BaseException:
            discard(pod)
            raise
