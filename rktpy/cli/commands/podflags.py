"""Options of ``run``, ``prepare`` and ``run-prepared`` -> the requests of these verbs.

Refuses what does not go together, in rkt's order and words (rkt-cli 4.1.2).
"""

from __future__ import annotations

import os

from rktpy.appc.pod import ExposedPort, Volume
from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.net.netlist import parse_netlist
from rktpy.pod.app import environment
from rktpy.pod.app.environment import Sources
from rktpy.pod.app.overrides import read_mounts, read_spec, read_value
from rktpy.pod.before.compose import PodOptions
from rktpy.pod.before.dns import parse_dns
from rktpy.pod.naming import NoNameError
from rktpy.verbs.start.requests import (
    PodSource,
    Policy,
    PrepareRequest,
    RunPreparedRequest,
    RunRequest,
    Stage1Choice,
    StartOptions,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call

_STAGE1 = ("url", "path", "name", "hash", "from-dir")
_IPC = ("", "auto", "private", "parent")
_USER_NAMESPACE = "/proc/self/uid_map"
_HOSTNAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
_LONGEST_HOSTNAME = 64  # what sethostname(2) takes


class PodFlagsError(RktError):
    """Options that start a pod do not fit together, or one of them has no usable value."""


def run_request(call: Call) -> RunRequest:
    """Return what ``rktpy run`` is asked to do.

    Raises:
        RktError: the first of rkt's checks that fails.
    """
    options = call.options
    source = _source(call)
    start = _start(call)
    if start.net.none and source.options.ports:
        raise PodFlagsError("--port flag does not work with 'none' networking")
    if start.net.host and source.options.ports:
        raise PodFlagsError("--port flag does not work with 'host' networking")
    if start.net.none and start.mds_register:
        raise PodFlagsError(
            "--mds-register flag does not work with --net=none."
            " Please use 'host', 'default' or an equivalent network"
        )
    _refuse_conflicts(call, source)
    if start.interactive and len(source.apps) > 1:
        raise PodFlagsError("interactive option only supports one image")
    _require_something(source)
    start = _with_names(call, start)
    return RunRequest(
        source=source, start=start, uuid_file=options["uuid-file-save"], words=call.typed
    )


def prepare_request(call: Call) -> PrepareRequest:
    """Return what ``rktpy prepare`` is asked to do.

    Raises:
        RktError: the first of rkt's checks that fails.
    """
    source = _source(call)
    _refuse_conflicts(call, source)
    _require_something(source)
    strict = call.options["strict-isolators"]
    return PrepareRequest(source=source, strict_isolators=strict, words=call.typed)


def run_prepared_request(call: Call) -> RunPreparedRequest:
    """Return what ``rktpy run-prepared`` is asked to do.

    Raises:
        RktError: the value of an option cannot be used.
    """
    start = _with_names(call, _start(call))
    return RunPreparedRequest(uuid=call.args[0], start=start, words=call.typed)


def _source(call: Call) -> PodSource:
    options = call.options
    try:
        apps = tuple(read_spec(app.image, app.args, app.options) for app in call.apps)
        pod = PodOptions(
            volumes=tuple(_volume(text) for text in options["volume"]),
            mounts=read_mounts(options["mount"]),
            ports=tuple(read_value("port", text, ExposedPort.parse) for text in options["port"]),
            environment=_environment(call),
        )
    except RktError as error:
        raise PodFlagsError("error parsing app image arguments") from error
    if options["store-only"] and options["no-store"]:
        raise PodFlagsError("both --store-only and --no-store specified")
    if options["private-users"] and not os.path.exists(_USER_NAMESPACE):
        raise PodFlagsError(
            "--private-users is not supported, kernel compiled without user namespace support"
        )
    return PodSource(
        apps=apps,
        options=pod,
        pod_manifest=options["pod-manifest"],
        policy=_policy(call),
        stage1=_stage1(call),
        overlay=not options["no-overlay"],
        private_users=options["private-users"],
        name=options["pod-name"],
        labels=options["pod-label"],
        replace_pod=options["replace"],
    )


def _volume(text: str) -> Volume:
    def parse(text: str) -> Volume:
        try:
            return Volume.parse(text)
        except RktError as error:
            raise PodFlagsError(f"invalid value in --volume flag {quote(text)}") from error

    return read_value("volume", text, parse)


def _environment(call: Call) -> Sources:
    options = call.options
    return Sources(
        inherited=environment.inherited() if options["inherit-env"] else {},
        files=environment.read_files(options["set-env-file"]),
        pairs=dict(options["set-env"]),
    )


def _policy(call: Call) -> str:
    if call.options["store-only"]:
        return Policy.NEVER
    if call.options["no-store"]:
        return Policy.UPDATE
    word: str = call.options["pull-policy"]
    return word if word in (Policy.NEVER, Policy.UPDATE) else Policy.NEW


def _stage1(call: Call) -> Stage1Choice | None:
    for kind in _STAGE1:
        text = call.options[f"stage1-{kind}"]
        if text:
            return Stage1Choice(kind, text)
    return None


def _refuse_conflicts(call: Call, source: PodSource) -> None:
    said = ("volume", "mount", "port", "inherit-env", "set-env", "set-env-file")
    if source.pod_manifest and (
        source.apps or source.policy != Policy.NEW or any(call.options[name] for name in said)
    ):
        raise PodFlagsError("conflicting flags set with --pod-manifest (see --help)")


def _require_something(source: PodSource) -> None:
    if not (source.apps or source.pod_manifest):
        raise PodFlagsError("must provide at least one image or specify the pod manifest")
    if source.replace_pod and not (source.name or source.pod_manifest):
        raise NoNameError


def _start(call: Call) -> StartOptions:
    options = call.options
    return StartOptions(
        net=parse_netlist(options["net"]),
        hostname=options["hostname"],
        ipc=options["ipc"],
        interactive=options["interactive"],
        mds_register=options["mds-register"],
        strict_isolators=options["strict-isolators"],
    )


def _with_names(call: Call, start: StartOptions) -> StartOptions:
    """Check last what rkt checks last, but before there is a pod that could be left behind."""
    options = call.options
    if start.ipc not in _IPC:
        raise PodFlagsError(f"unknown value for --ipc parameter: {start.ipc}")
    if start.hostname and not _is_hostname(start.hostname):
        raise PodFlagsError(f"invalid hostname {quote(start.hostname)}")
    try:
        dns = parse_dns(
            options["dns"],
            search=options["dns-search"],
            options=options["dns-opt"],
            domain=options["dns-domain"],
            hosts_entries=options["hosts-entry"],
        )
    except RktError as error:
        raise PodFlagsError("error with dns flags") from error
    return start.replace(dns=dns)


def _is_hostname(text: str) -> bool:
    return (
        len(text) <= _LONGEST_HOSTNAME
        and _HOSTNAME.issuperset(text)
        and not any(part == "" or part[0] == "-" or part[-1] == "-" for part in text.split("."))
    )
