"""``rktpy generate unit``: the unit, or the ``.pod`` file, that runs what a pod ran, or what a
command line says."""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.generator.file.names import SUFFIX, why_no_name
from rktpy.generator.file.words import literal
from rktpy.generator.podfile import pod_text
from rktpy.generator.unit.unit import Start, service_text
from rktpy.host.files import write_atomic
from rktpy.pod.command import read_command
from rktpy.pod.lifecycle import open_pod
from rktpy.pod.naming import NAME_ANNOTATION, check_name
from rktpy.pod.phase import State
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.generator.podfile import AppWords
    from rktpy.pod.command import CommandRecord
    from rktpy.verbs.site import Site

_TYPES = ("notify", "exec", "simple", "oneshot")
_RESTARTS = (
    "no", "always", "on-success", "on-failure", "on-abnormal", "on-abort", "on-watchdog",
)  # fmt: skip
_HEAD = "# Written by rktpy generate unit. It belongs into {} as {}.\n"


class UnitError(RktError):
    """No unit can be made of this."""


class MadePod(Value):
    """What a unit needs to know of a pod that exists: ``images`` are IDs, as ``apps`` in order."""

    shown: str  # its UUID
    name: str
    running: bool
    command: CommandRecord
    images: tuple[str, ...]
    apps: tuple[str, ...]


class UnitWishes(Value):
    """What the user wants of the unit. Empty texts leave the default."""

    stem: str  # the unit's name without ``.service``
    pod: str
    type: str = ""
    restart: str = ""
    wants: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    wanted_by: tuple[str, ...] = ()
    may_fetch: bool = True


def as_it_was_made(site: Site, text: str) -> MadePod | None:
    """Return the pod that ``text`` names, None if no pod is called so.

    Raises:
        UnitError: it has no record of how it was run.
        RktError: several pods begin so, or its manifest is damaged.
    """
    from rktpy.pod.lifecycle import EmptyUuidError, PodNotFoundError

    try:
        pod = open_pod(site.layout, text)
    except (PodNotFoundError, EmptyUuidError):
        return None
    try:
        command = read_command(pod.tree)
    except PermissionError as error:
        raise UnitError(f"cannot read how pod {pod.uuid} was run", hint="be root") from error
    if command is None:
        raise UnitError(
            f"pod {pod.uuid} has no record of its command line: an older rktpy made it",
            hint="write the images and options that rktpy run would get instead",
        )
    manifest = pod.manifest()
    return MadePod(
        shown=pod.uuid,
        name=manifest.annotation(NAME_ANNOTATION) or "",
        running=pod.state() == State.RUNNING,
        command=command,
        images=tuple(str(app.image.id) for app in manifest.apps),
        apps=tuple(str(app.name) for app in manifest.apps),
    )


def unit_text(rktpy: tuple[str, ...], run: tuple[str, ...], wishes: UnitWishes) -> str:
    """Return the unit that runs the words ``run``. Pure.

    Raises:
        UnitError: a wish is none that systemd or a pod could have.
    """
    _check(wishes)
    start = Start(
        rktpy=tuple(map(literal, rktpy)),
        run=tuple(map(literal, run)),
        pod=wishes.pod,
        source="",
        may_fetch=wishes.may_fetch,
    )
    said = _through(wishes)
    text = service_text(start, unit=said["Unit"], service=said["Service"], install=said["Install"])
    return _HEAD.format("/etc/systemd/system", f"{wishes.stem}.service") + text


def pod_file_text(options: Sequence[str], apps: Sequence[AppWords], wishes: UnitWishes) -> str:
    """Return the ``.pod`` file of the same unit; ``options`` are the pod's and global ones. Pure.

    Raises:
        UnitError: a wish is none that systemd or a pod could have.
        NoPodFileTextError: a ``.pod`` file cannot say it.
    """
    _check(wishes)
    named = () if wishes.pod == wishes.stem else (f"--pod-name={wishes.pod}",)
    fetched = () if wishes.may_fetch else ("--pull-policy=never",)
    text = pod_text((*options, *named, *fetched), apps, stem=wishes.stem, through=_through(wishes))
    return _HEAD.format("/etc/rktpy", f"{wishes.stem}{SUFFIX}") + text


def write_unit(directory: str, name: str, text: str) -> str:
    """Write the file ``name`` below ``directory`` and return its path.

    Raises:
        UnitError: it cannot be written.
    """
    path = f"{os.path.abspath(directory)}/{name}"
    try:
        write_atomic(path, text.encode(), mode=0o644)
    except OSError as error:
        raise UnitError(f"cannot write {quote(path)}") from error
    return path


def _through(wishes: UnitWishes) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the lines of the sections that systemd reads."""
    said = (("Type", wishes.type), ("Restart", wishes.restart))
    orders = (("Wants", wishes.wants), ("Requires", wishes.requires), ("After", wishes.after))
    targets = wishes.wanted_by or ("multi-user.target",)
    return {
        "Unit": tuple((key, name) for key, names in orders for name in names),
        "Service": tuple((key, value) for key, value in said if value),
        "Install": tuple(("WantedBy", name) for name in targets if name),
    }


def _check(wishes: UnitWishes) -> None:
    if reason := why_no_name(wishes.stem + SUFFIX):
        raise UnitError(
            f"{quote(wishes.stem)} cannot be the name of a unit: {reason}", hint="add --unit-name"
        )
    check_name(wishes.pod)
    for option, value, known in (
        ("type", wishes.type, _TYPES),
        ("restart", wishes.restart, _RESTARTS),
    ):
        if value and value not in known:
            raise UnitError(f"--{option}={value} is none of: {', '.join(known)}")
    names = (*wishes.wants, *wishes.after, *wishes.requires, *wishes.wanted_by)
    for name in names:
        if any(char.isspace() or char in "%\0" for char in name):
            raise UnitError(f"{quote(name)} cannot be the name of a unit")
