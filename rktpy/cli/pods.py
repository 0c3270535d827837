"""What the commands about pods share: UUID files, failures of single pods, pods as JSON."""

from __future__ import annotations

import os

from rktpy.cli import errors
from rktpy.errors import RktError, UsageError
from rktpy.log import write_line
from rktpy.pod.naming import name_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rktpy.cli.call import Call
    from rktpy.pod.after.ending import Ending
    from rktpy.pod.state.appstate import AppRecord
    from rktpy.pod.state.record import PodRecord

SECOND = 1_000_000_000
_UUID_FILE_LIMIT = 4096


class UuidFileError(RktError):
    """The file of ``--uuid-file`` cannot be read."""

    def __init__(self) -> None:
        super().__init__("unable to resolve UUID from file")


class UuidFileStatusOneError(UuidFileError):
    """The same where rkt exits with 1."""

    exit_code = 1


class CreationTimeError(RktError):
    """The pod has not been created completely."""


def uuid_arguments(call: Call, failure: type[UuidFileError] = UuidFileError) -> list[str]:
    """Return the UUIDs the command is about, from its arguments or from ``--uuid-file``.

    Raises:
        UuidFileError: the file cannot be read; of the class ``failure``.
        UsageError: there are none.
    """
    path = call.options["uuid-file"]
    if path:
        try:
            return [_read(path)]
        except OSError as error:
            raise failure from error
    if not call.args:
        raise UsageError("")
    return call.args


def report(call: Call, error: RktError) -> None:
    """Tell the user that one of several things failed; the command goes on."""
    write_line(errors.describe(call.command.leaf, error, debug=call.site.debug))


def network_text(record: PodRecord) -> str:
    """Return the networks of a pod in one cell: ``name:ip4=address``, one for each family."""
    return ", ".join(
        f"{net['netName']}:ip{6 if ':' in address else 4}={address}"
        for net in record.networks
        for address in (net["ip"], net.get("ip6"))
        if address is not None
    )


def require_creation_time(record: PodRecord) -> None:
    """Refuse a pod that is not prepared yet: JSON has nothing to say about it.

    Raises:
        CreationTimeError: as rkt says it.
    """
    if not record.created:
        raise CreationTimeError(f"pod {record.uuid}: invalid creation time")


def pod_object(record: PodRecord, apps: list[AppRecord], ending: Ending | None) -> dict[str, Any]:
    """Return a pod as rkt's JSON shows it: keys in rkt's order, empty ones left out, then ours.

    rkt's ``name`` is the UUID, so the name a user gave is ``pod_name``.
    """
    manifest = record.manifest or {}
    return {"name": record.uuid, "state": record.state} | _filled(
        {
            "networks": record.networks,
            "app_names": [app.name for app in apps],
            "apps": [_app_object(app) for app in apps],
            "created_at": record.created // SECOND,
            "started_at": record.started // SECOND,
            "user_annotations": _sorted(manifest.get("userAnnotations")),
            "user_labels": _sorted(manifest.get("userLabels")),
            "pod_name": name_in(manifest),
            "ended_at": ending.at // SECOND if ending and ending.exact else 0,
            "ended_by": ending.at // SECOND if ending and not ending.exact else 0,
        }
    )


def _app_object(app: AppRecord) -> dict[str, Any]:
    times = {
        "created_at": app.created,
        "started_at": app.started,
        "finished_at": app.finished,
        "exit_code": app.exit_code,
    }
    known = {key: value for key, value in times.items() if value is not None}
    rest = {
        "oom_killed": app.oom_killed,
        "mounts": app.mounts,
        "isolators": app.isolators,
        "user_annotations": _sorted(app.user_annotations),
        "user_labels": _sorted(app.user_labels),
    }
    head = {"name": app.name, "state": app.state}
    return head | known | {"image_id": app.image_id} | _filled(rest)


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _sorted(pairs: object) -> dict[str, str]:
    return dict(sorted(pairs.items())) if isinstance(pairs, dict) else {}


def _read(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.fsdecode(os.read(fd, _UUID_FILE_LIMIT)).strip()
    finally:
        os.close(fd)
