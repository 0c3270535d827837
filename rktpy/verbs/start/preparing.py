"""What ``run`` and ``prepare`` share: the lock against tree collection, overlay or copy, user
namespace or none, undo."""

from __future__ import annotations

import errno
import os

from rktpy import log
from rktpy.errors import RktError
from rktpy.host.lock import lock_file
from rktpy.host.mount import has_overlayfs
from rktpy.pod.before.contents import write_contents
from rktpy.pod.naming import NAME_ANNOTATION, NoNameError, claim, holder
from rktpy.pod.phase import Phase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.host.lock import Lock
    from rktpy.layout import Layout
    from rktpy.pod.before.contents import Contents
    from rktpy.pod.lifecycle import Pod
    from rktpy.systemd.facts import HostFacts
    from rktpy.verbs.start.requests import PodSource

_logger = log.Logger("stage0")


class UserNamespaceError(RktError):
    """This host cannot run pods in user namespaces."""


class DataDirError(RktError):
    """The data directory cannot be written."""


def prepare_lock(layout: Layout) -> Lock:
    """Take the lock that keeps ``image gc`` from removing a tree a new pod is about to name.

    Shared: any number of pods may be prepared at once (rkt-cli.md 5.4).

    Raises:
        DataDirError: the data directory is read-only or full.
    """
    try:
        try:
            return lock_file(layout.prepare_lock, exclusive=False)
        except FileNotFoundError:
            os.makedirs(layout.locks, mode=0o750, exist_ok=True)
            return lock_file(layout.prepare_lock, exclusive=False)
    except OSError as error:
        hint = "choose another with --dir"
        if error.errno == errno.EROFS and os.environ.get("INVOCATION_ID"):  # of a unit
            hint += f", or add to the unit: ReadWritePaths={layout.data} /run"
        raise DataDirError(
            f"cannot write to the data directory {layout.data}", hint=hint
        ) from error


def choose_overlay(facts: HostFacts, *, wanted: bool) -> bool:
    """Return whether trees are mounted as overlays; warn if the host cannot do that."""
    if wanted and not facts.overlay and not has_overlayfs():
        _logger.warning(
            'disabling overlay support: "overlay entry not present in /proc/filesystems"'
        )
        return False
    return wanted


def check_user_namespace(facts: HostFacts, *, overlay: bool) -> None:
    """Refuse a pod in a user namespace where the kernel cannot shift the owners of its files.

    Trees of the store are shared with other pods and so never rewritten.

    Raises:
        UserNamespaceError: the kernel is too old.
    """
    if not facts.idmapped_mounts:
        raise UserNamespaceError(
            "--private-users is not supported, kernel without idmapped mounts",
            hint="they came with Linux 5.12",
        )
    if overlay and not facts.idmapped_layers:
        raise UserNamespaceError(
            "cannot use both overlay and user namespace: not supported by this kernel",
            hint="use --no-overlay; overlays of idmapped mounts came with Linux 5.19",
        )


def replace_pod(layout: Layout, contents: Contents) -> None:
    """Remove the pod that has the name ``contents`` are to have, if there is one.

    Before the new pod is made, since on a full disk only that makes room for it, and as late as
    that, so that a start which is refused leaves the old one alone.

    Raises:
        NoNameError: they have no name.
        ReplaceError: that pod does not make way.
    """
    name = contents.manifest.annotation(NAME_ANNOTATION)
    if not name:
        raise NoNameError
    if uuid := holder(layout, name):
        from rktpy.verbs.start.replacing import make_way

        make_way(layout, name, uuid)


def fill(pod: Pod, contents: Contents, source: PodSource) -> Contents:
    """Write ``contents`` into a new pod and take the name its manifest says.

    Returns them with a range of ids if ``source`` wants a user namespace.

    Raises:
        RktError: the name is taken, no range is free, or a word is not UTF-8.
        OSError: the disk is full.
    """
    if source.private_users:
        from rktpy.pod.idrange import take_range

        contents = contents.replace(private_users=take_range(pod))
    write_contents(pod.tree, contents)
    name = contents.manifest.annotation(NAME_ANNOTATION)
    if name:
        again = (lambda: replace_pod(pod.layout, contents)) if source.replace_pod else None
        claim(pod, name, again)
    return contents


def discard(pod: Pod) -> None:
    """Remove a pod whose start failed, with what was mounted for it. Never raises.

    The lock is ours, so nobody else touches the pod; if we are killed here, ``gc`` goes on.
    """
    # What most starts do without.
    from rktpy.pod.after import sweep
    from rktpy.pod.after.teardown import leftover_mounts
    from rktpy.verbs.network.leaving import leave_networks

    garbage = Phase.EXITED_GARBAGE if pod.phase == Phase.RUN else Phase.GARBAGE
    try:
        os.chdir("/")
        pod.move(garbage)
        sweep.delete(pod, leftover_mounts(pod.layout), leave_networks)
    except (OSError, RktError) as error:
        _logger.debug("left to gc: %s", error)
        pod.close()
