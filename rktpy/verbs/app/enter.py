"""``rktpy enter``: run a command in an app of a running pod."""

from __future__ import annotations

from rktpy import log
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.host.files import read_bytes
from rktpy.nspawn.entry.enter import enter
from rktpy.nspawn.unit.units import environment_path
from rktpy.pod.app.environment import parse_systemd_file
from rktpy.pod.choice import AppChoiceError, AppMissingError, choose_app
from rktpy.pod.phase import State
from rktpy.pod.state.appstate import stage1_state_dir
from rktpy.pod.state.frozen import check_not_frozen
from rktpy.pod.state.pids import find_pid1
from rktpy.value import Value
from rktpy.verbs.lookup import retrieve_pod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site

_DEFAULT_COMMAND = "/bin/bash"
_ENVIRONMENT_LIMIT = 16 << 20
_logger = log.Logger("enter")


class EnterRequest(Value):
    """``uuid`` as typed, ``app`` empty if not given, ``command`` empty for a shell."""

    uuid: str
    app: str = ""
    command: tuple[str, ...] = ()
    term: str = ""  # the caller's terminal type
    as_app: bool = False  # as the app's user, not as root


def enter_pod(site: Site, request: EnterRequest) -> NoReturn:
    """Run the command with the app's environment and end as it ends.

    Raises:
        RktError: the pod does not run, or the app is not clear.
    """
    pod = running_pod(site, request.uuid)
    app = choose_app_of(pod, request.app, command="enter")
    command = request.command
    if not command:
        _logger.warning('no command specified, assuming "%s"', _DEFAULT_COMMAND)
        command = (_DEFAULT_COMMAND,)
    run_in_app(pod, app, command, term=request.term, as_app=request.as_app)


def running_pod(site: Site, text: str) -> Pod:
    """Return the pod that ``text`` names.

    Raises:
        RktError: there is none, or it does not run.
    """
    pod = retrieve_pod(site, text)
    if pod.state() != State.RUNNING:
        raise RktError(
            f"pod {quote(pod.uuid)} isn't currently running", hint=f"see: rktpy status {pod.uuid}"
        )
    return pod


def run_in_app(pod: Pod, app: str, command: Sequence[str], *, term: str, as_app: bool) -> NoReturn:
    """Run ``command`` in ``app`` with its environment and end as it ends.

    Raises:
        RktError: the pod or the app has ended or is frozen, or the kernel does not let us in.
    """
    try:
        leader = find_pid1(pod)
    except RktError as error:
        raise RktError(f"unable to determine the pid for pod {quote(pod.uuid)}") from error
    check_not_frozen(pod, app=app)  # a command that joined it would be frozen as well
    env = _environment(pod, app) | {"TERM": term or "vt100"}
    enter(leader, app, command, env, as_app=as_app)


def choose_app_of(pod: Pod, wanted: str, *, command: str) -> str:
    """Return the app that ``wanted`` names, or the only one; ``command`` is for the messages.

    Raises:
        RktError: there is no such app, or it is not clear which one is meant.
    """
    try:
        return choose_app(pod, wanted, command=command, advice=f"rkt {command} --app= ...")
    except AppMissingError:
        raise
    except AppChoiceError as error:
        raise RktError("unable to determine app name") from error


def _environment(pod: Pod, app: str) -> dict[str, str]:
    """Return exactly the app's environment."""
    directory = stage1_state_dir(pod)
    try:
        path = f"{directory}{environment_path(app)}"
        return parse_systemd_file(read_bytes(path, limit=_ENVIRONMENT_LIMIT))
    except (OSError, ValueError) as error:
        raise RktError(f"cannot read the environment of app {quote(app)}") from error
