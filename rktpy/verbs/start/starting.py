"""A pod in ``run``, locked → the pod itself. Shared by ``run`` and ``run-prepared``.

From the move to ``run`` until the exec, a crash leaves an exited pod without a mount, a process
or a network: those belong to this process and end with it. What remains is directories, and
``gc`` takes those.
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.appc.isolators import capability_names
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.flavour.placing import Placing
from rktpy.host import mount
from rktpy.host.cgroup.hierarchy import HYBRID, LEGACY
from rktpy.net.outcome import Introduction
from rktpy.nspawn.launch import launch
from rktpy.nspawn.lay import expose_journal, lay_stage1
from rktpy.nspawn.limits.affinity import go_apart, place_apart
from rktpy.nspawn.stage1 import SKELETON
from rktpy.pod.app.restart import Restart, restart_policy
from rktpy.pod.app.stopsignal import stop_signal
from rktpy.pod.app.streams import attachable_streams
from rktpy.pod.app.watchdog import WATCHDOG_ANNOTATION, watch_of_host, watchdog
from rktpy.pod.before.dns import own_hosts
from rktpy.pod.before.rootfs import (
    copy_trees,
    make_overlay_dirs,
    map_layers,
    mount_plan,
    mount_trees,
    prepare_app_root,
)
from rktpy.pod.naming import NAME_ANNOTATION
from rktpy.store.trees import Trees
from rktpy.systemd.sandbox import check_sandbox
from rktpy.systemd.unit import place_pod
from rktpy.verbs.network.joining import Joining, introduced, resolved
from rktpy.verbs.start.outlasting import Outlasting
from rktpy.verbs.start.planning import Planner, hosts_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from rktpy.appc.image import ImageManifest
    from rktpy.appc.pod import RuntimeApp
    from rktpy.flavour.placing import Foreseen
    from rktpy.flavour.plan import PodPlan
    from rktpy.host.idmap import IdMap
    from rktpy.layout import PodTree
    from rktpy.pod.before.contents import Contents
    from rktpy.pod.lifecycle import Pod
    from rktpy.systemd.facts import HostFacts
    from rktpy.verbs.network.joining import Joins
    from rktpy.verbs.site import Site
    from rktpy.verbs.start.requests import StartOptions

_IPC_MODES = ("", "auto", "private", "parent")
_logger = log.Logger("stage1")


class StartOptionError(RktError):
    """An option of the start has a word that stage1 does not know."""


def check_start(start: StartOptions, contents: Contents) -> None:
    """Refuse what cannot be started, before anything is made.

    Raises:
        RktError: a mode, capability, signal, restart policy or watchdog is unknown, or too many
            apps want the terminal.
    """
    if start.ipc not in _IPC_MODES:
        raise StartOptionError(f"unknown value for --ipc parameter: {start.ipc}")
    if start.interactive and len(contents.manifest.apps) > 1:
        raise StartOptionError("interactive option only supports pods with one app")
    images = {name: app.manifest for name, app in contents.apps.items()}
    for runtime in contents.manifest.apps:
        _check_app(runtime, images[runtime.name], start)
    if not any(watchdog(app, images[app.name]) for app in contents.manifest.apps):
        _warn_of_watchdog()
    if start.mds_register:
        _logger.warning("there is no metadata service yet, --mds-register has no effect")


def _check_app(runtime: RuntimeApp, image: ImageManifest, start: StartOptions) -> None:
    stop_signal(runtime, image)
    if restart_policy(runtime, image) != Restart.NO and start.interactive:
        _logger.warning(
            "warning: app %s is interactive and will not be started again", quote(runtime.name)
        )
    if attachable := attachable_streams(runtime):
        _logger.warning(
            "warning: nobody can attach to %s of app %s yet", ", ".join(attachable), runtime.name
        )
    app = runtime.app or image.app
    names = capability_names(app.isolators) if app else ()
    if names:
        from rktpy.nspawn.unit.capability_names import check_capabilities

        check_capabilities(runtime.name, names)


def _warn_of_watchdog() -> None:
    """Say that a unit with ``WatchdogSec=`` does not watch what its author means."""
    if limit := watch_of_host(os.environ, os.getpid()):
        _logger.warning(
            "warning: WatchdogSec= of the unit watches systemd-nspawn and no app"
            " (--annotation=%s=%s after an image has the pod watch that one)",
            WATCHDOG_ANNOTATION,
            limit,
        )


def check_unit(facts: HostFacts) -> None:
    """Refuse a start in a unit that no pod can be in, as ``start_pod`` does, but earlier.

    Raises:
        SandboxError: the unit takes away what a pod needs.
    """
    unit = place_pod("", facts, os.environ, quiet=True)
    check_sandbox(unit, facts.cgroup_mode)


def lowers_of(site: Site, contents: Contents) -> dict[str, list[str]]:
    """Return the directories of each tree of a pod, strongest first.

    Raises:
        TreeError: a layer of an image is missing or damaged; the hint says how it comes back.
    """
    trees = Trees(site.layout)
    ids = (contents.stage1.tree_id, *(app.tree_id for app in contents.app_trees))
    return {tree_id: trees.lowers(tree_id) for tree_id in dict.fromkeys(ids)}


def start_pod(
    site: Site,
    pod: Pod,
    contents: Contents,
    start: StartOptions,
    joins: Joins,
    facts: HostFacts,
    foreseen: Foreseen,
) -> NoReturn:
    """Become the pod. ``pod`` is in ``run`` and locked, ``start`` has been checked.

    Raises:
        RktError: the pod cannot be laid out or nspawn not be executed; mounts made so far are
            in this process's own namespace and end with it.
    """
    if pod.lock is None:
        raise ValueError("only a locked pod can be started")
    tree = pod.tree
    # Before any fork or mount: being alone in the unit's cgroup is part of the evidence.
    unit = place_pod(pod.uuid, facts, os.environ)
    check_sandbox(unit, facts.cgroup_mode)
    placement = place_apart(unit, facts.cgroup_mode)
    with (
        Outlasting(unit, facts.cgroup_mode) as outlasting,
        Joining(pod, introduced(joins, _introduction(pod, contents, start))) as joining,
        Placing(pod.uuid, tree, placement, foreseen) as placing,
    ):
        planned = _lay(site, pod, contents, start, facts, joining, reboots=placement.restarts)
        outlasting.settle()
        go_apart(unit, placement)
        launch(
            planned,
            tree,
            facts,
            placement,
            placing,
            environ=os.environ,
            lock_fd=pod.lock.fd,
            strict=start.strict_isolators,
        )


def _lay(
    site: Site,
    pod: Pod,
    contents: Contents,
    start: StartOptions,
    facts: HostFacts,
    joining: Joining,
    *,
    reboots: bool,
) -> PodPlan:
    """Mount or copy the trees, write what stage1 needs, and return the plan of the pod."""
    tree = pod.tree
    mount.private_namespace()
    if contents.overlay and facts.booted:
        expose_journal(tree, contents.stage1.tree_id, pod.uuid)
    idmap = _map_ids(tree, contents)
    _lay_trees(site, pod, contents, idmap)
    planner = Planner(
        uuid=pod.uuid,
        manifest=contents.manifest,
        images={name: stored.manifest for name, stored in contents.apps.items()},
        tree=tree,
        start=start.replace(dns=resolved(start.dns, joining.settle())),
        insecure=site.insecure,
        logger=_logger,
        idmap=idmap,
        v1=facts.cgroup_mode in (HYBRID, LEGACY),
        bandwidth=joining.bandwidth,
        reboots=reboots,
        systemd=facts.systemd,
    )
    planned = planner.plan(debug=site.debug)
    lay_stage1(tree.stage1_rootfs, planned.plan, planned.files)
    joining.show_hosts(f"{tree.stage1_rootfs}/{hosts_place(start.dns)}")
    return planned.plan


def _introduction(pod: Pod, contents: Contents, start: StartOptions) -> Introduction:
    """Return what the pod tells others in its networks of itself."""
    hostname = start.hostname or f"rkt-{pod.uuid}"
    return Introduction(
        name=contents.manifest.annotation(NAME_ANNOTATION) or "",
        hostname=hostname,
        apps=tuple(app.name for app in contents.manifest.apps),
        hosts=own_hosts(start.dns, hostname),
        owner=contents.private_users.first if contents.private_users else 0,
    )


def _map_ids(tree: PodTree, contents: Contents) -> IdMap | None:
    """Return the mapping of a pod in a user namespace; it ends with this process."""
    if contents.private_users is None:
        return None
    from rktpy.host.idmap import IdMap
    from rktpy.pod.volume.mapped import map_empty_volumes

    idmap = IdMap(contents.private_users.first, contents.private_users.count)
    map_empty_volumes(tree, idmap)
    return idmap


def _lay_trees(site: Site, pod: Pod, contents: Contents, idmap: IdMap | None) -> None:
    tree, apps, stage1_id = pod.tree, contents.app_trees, contents.stage1.tree_id
    lowers = lowers_of(site, contents)
    if contents.overlay:
        make_overlay_dirs(tree, lowers, stage1_id, apps)
        plan = mount_plan(tree, lowers, stage1_id, apps, skeleton=SKELETON)
        if idmap is not None:
            map_layers(tree, lowers, stage1_id, apps, idmap)
        mount_trees(tree, plan, apps, owner=idmap.first if idmap else 0)
        return
    copy_trees(tree, lowers, stage1_id, apps)
    for app in apps:
        prepare_app_root(tree.app_rootfs(app.app))
    if idmap is not None:
        idmap.cover(tree.stage1_rootfs)
