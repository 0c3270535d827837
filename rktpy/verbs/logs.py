"""``rktpy logs`` (ours): what the apps of a pod wrote, while it runs and after it ended.

The pod's own journald keeps the lines below the pod directory, so they are there as long as the pod
is, with or without systemd on the host. journalctl reads them; a file format is not ours to parse.
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host import process
from rktpy.pod.appstate import stage1_state_dir
from rktpy.pod.lifecycle import open_pod
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from rktpy.verbs.site import Site


class LogsRequest(Value):
    """``uuid`` as typed; all apps if ``app`` is empty."""

    uuid: str
    app: str = ""
    follow: bool = False


class NoJournalError(RktError):
    """The pod has written no journal."""

    def __init__(self, uuid: str) -> None:
        super().__init__(
            f"pod {quote(uuid)} has no journal", hint=f"has it been started? rktpy status {uuid}"
        )


def journalctl_argv(directory: str, apps: list[str], *, follow: bool) -> list[str]:
    """Return the command that prints the lines of ``apps`` below ``directory``. Pure."""
    argv = ["journalctl", f"--directory={directory}", "--no-pager", "--quiet", "--all"]
    if follow:
        argv += ["--follow", "--lines=all"]
    return argv + [f"SYSLOG_IDENTIFIER={app}" for app in apps]


def show_logs(site: Site, request: LogsRequest) -> NoReturn:
    """Become journalctl printing the lines.

    Raises:
        RktError: the pod or the app is not there, or nothing was logged yet.
    """
    try:
        pod = open_pod(site.layout, request.uuid)
        apps = [str(app.name) for app in pod.manifest().apps]
    except (RktError, OSError) as error:
        raise RktError("problem retrieving pod") from error
    if request.app and request.app not in apps:
        raise RktError(
            f"app {quote(request.app)} is not present in pod {quote(pod.uuid)}",
            hint=f"its apps are: {', '.join(apps)}",
        )
    machine_id = pod.uuid.replace("-", "")
    directory = f"{stage1_state_dir(pod)}/var/log/journal/{machine_id}"
    if not os.path.isdir(directory):
        raise NoJournalError(pod.uuid)
    program = process.find_program("journalctl")
    if program is None:
        raise RktError("journalctl is not on this host", hint="install systemd")
    argv = journalctl_argv(directory, [request.app] if request.app else apps, follow=request.follow)
    process.replace([program, *argv[1:]], env=os.environ)
