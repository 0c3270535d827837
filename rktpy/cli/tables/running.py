"""Options of the commands that start pods and apps: the largest part of the table."""

from __future__ import annotations

from rktpy.cli.spec import Option
from rktpy.cli.tables.common import (
    EXPERIMENT_ATTACH,
    FORMAT,
    NO_LEGEND,
    OLD_POLICIES,
    PULL_POLICY_NEW,
    SIGNATURE,
)

STAGE1 = (
    Option("stage1-url", "stage1", "take stage1 from this URL"),
    Option("stage1-path", "stage1", "take stage1 from this file", complete="file"),
    Option("stage1-name", "stage1", "take the stage1 image of this name", complete="image"),
    Option("stage1-hash", "stage1", "take the stage1 image with this hash", complete="image"),
    Option("stage1-from-dir", "stage1", "take this file of the stage1 images directory"),
)

PER_APP = (
    Option(
        "exec",
        "string",
        "run this program instead of the image's; arguments still follow --",
        per_image=True,
        once=True,
        complete="file",
    ),
    Option("working-dir", "string", "start the app in this directory", per_image=True),
    Option("readonly-rootfs", "bool-text", "true: the app cannot change its root", per_image=True),
    Option(
        "mount",
        "strings",
        "put a volume at a path: volume=NAME,target=PATH. Before the first image: in every app",
        per_image=True,
        also_global=True,
        check="rktpy.appc.volume:Mount.parse",
    ),
    Option("user", "string", "run as this user: id, name, or a file owned by it", per_image=True),
    Option("group", "string", "run as this group: id, name, or a file of it", per_image=True),
    Option(
        "supplementary-gids", "int-list", "comma-separated supplementary group ids", per_image=True
    ),
    Option("name", "string", "name of the app in the pod", per_image=True),
    Option("annotation", "pairs", "annotate the app: name=value", per_image=True),
    Option("user-annotation", "pairs", "annotate the app for yourself: name=value", per_image=True),
    Option("user-label", "pairs", "label the app for yourself: name=value", per_image=True),
    Option("environment", "pairs", "set an environment variable: name=value", per_image=True),
)

ISOLATORS = (
    Option("memory", "string", "memory limit of the app, like 16Mi, 50M, 1G", per_image=True),
    Option("cpu", "string", "CPU limit of the app, like 500m for half a core", per_image=True),
    Option("cpu-shares", "int", "weight of the app's CPU share, 2 to 262144", per_image=True),
    Option("caps-retain", "word-list", "comma-separated capabilities to keep", per_image=True),
    Option("caps-remove", "word-list", "comma-separated capabilities to take away", per_image=True),
    Option(
        "seccomp",
        "string",
        "filter system calls: mode=retain|remove[,errno=EXXX],name,...",
        per_image=True,
    ),
    Option(
        "oom-score-adj",
        "int",
        "preference of the out-of-memory killer, -1000 to 1000",
        per_image=True,
    ),
)

OWN_ISOLATORS = (
    Option("pids-limit", "int", "limit of processes and threads of the app", per_image=True),
)

OLD_CAPS = (
    Option(
        "cap-retain",
        "word-list",
        deprecated="use --caps-retain instead",
        stands_for="caps-retain",
        per_image=True,
    ),
    Option(
        "cap-remove",
        "word-list",
        deprecated="use --caps-remove instead",
        stands_for="caps-remove",
        per_image=True,
    ),
)


def _stream(name: str, modes: tuple[str, ...]) -> Option:
    return Option(
        name,
        "stream",
        "how the app's stream is connected: " + ",".join(modes),
        per_image=True,
        hidden=True,
        experiment=EXPERIMENT_ATTACH,
        complete=modes,
    )


STREAMS = (
    _stream("stdin", ("null", "stream", "tty")),
    _stream("stdout", ("log", "null", "stream", "tty")),
    _stream("stderr", ("log", "null", "stream", "tty")),
)

NET = Option(
    "net",
    "net",
    "comma-separated networks, each NAME[:KEY=VALUE;...]; default, host, none and all are special",
    bare="default",
    complete=("default", "default-restricted", "host", "none", "all"),
)
DNS = (
    Option("dns", "strings", "comma-separated name servers, or host, or none"),
    Option("dns-search", "strings", "domain in which host names are searched"),
    Option("dns-opt", "strings", "option of the resolver"),
    Option("dns-domain", "string", "domain of the pod"),
    Option("hosts-entry", "strings", "line of /etc/hosts: IP=NAME, or host to copy this host's"),
)
HOSTNAME = Option("hostname", "string", "host name of the pod; rkt-<UUID> when empty")
IPC = Option(
    "ipc",
    "string",
    "IPC namespace: auto, private or parent",
    complete=("auto", "private", "parent"),
)
INTERACTIVE = Option(
    "interactive", "bool", "connect standard input, output and error; one app only", letter="i"
)
MDS_REGISTER = Option("mds-register", "bool", "register the pod with the metadata service")
PORT = Option(
    "port",
    "strings",
    "publish a port of the pod: NAME:[HOSTIP:]HOSTPORT[,from=NETWORK]",
    check="rktpy.appc.pod:ExposedPort.parse",
)
UUID_FILE_SAVE = Option(
    "uuid-file-save", "string", "write the pod's UUID to this file", complete="file"
)
NO_OVERLAY = Option("no-overlay", "bool", "copy images instead of stacking them")

_PREPARE = (
    *STAGE1,
    PORT,
    Option("inherit-env", "bool", "pass the caller's environment to the apps"),
    Option("set-env", "env", "set an environment variable in every app: name=value"),
    Option("set-env-file", "strings", "file with lines name=value for every app", complete="file"),
    NO_OVERLAY,
    Option("private-users", "bool", "run the pod in a user namespace"),
    Option("pod-manifest", "string", "run what this pod manifest says", complete="file"),
    Option(
        "pod-name",
        "string",
        "name of the pod, usable wherever a UUID is",
        check="rktpy.pod.naming:check_name",
    ),
    Option(
        "replace",
        "bool",
        "remove the pod that has the name of --pod-name; one that runs is stopped before",
    ),
    Option("pod-label", "pairs", "label the pod, to find it by list --label: name=value"),
    PULL_POLICY_NEW,
    *OLD_POLICIES,
    Option(
        "volume",
        "strings",
        "declare a volume: NAME,kind=host|empty[,source=PATH][,readOnly=BOOL][,recursive=BOOL]"
        "[,mode=MODE][,uid=N][,gid=N][,copy-up=BOOL]",
        check="rktpy.cli.apps:check_volume",
    ),
    SIGNATURE,
    *PER_APP,
    *ISOLATORS,
    *OWN_ISOLATORS,
    *OLD_CAPS,
    *STREAMS,
)

STRICT_ISOLATORS = Option(
    "strict-isolators", "bool", "refuse to start if a limit or another isolator cannot be enforced"
)

_START = (NET, *DNS, HOSTNAME, INTERACTIVE, MDS_REGISTER, IPC, STRICT_ISOLATORS)

RUN = (
    *_START,
    UUID_FILE_SAVE,
    Option("quiet", "bool", "do not show the progress of downloads"),
    *_PREPARE,
)

PREPARE = (
    Option("quiet", "bool", "print nothing but the UUID"),
    STRICT_ISOLATORS,
    *_PREPARE,
)

RUN_PREPARED = _START

SANDBOX = (
    *STAGE1,
    UUID_FILE_SAVE,
    Option("net", "net", NET.help, complete=NET.complete),
    NO_OVERLAY,
    *DNS,
    HOSTNAME,
    Option("port", "strings", "publish a port: NAME:PROTOCOL:PODPORT:HOSTIP:HOSTPORT"),
    Option("annotation", "pairs", "annotate the pod: name=value"),
    Option("user-annotation", "pairs", "annotate the pod for yourself: name=value"),
    Option("user-label", "pairs", "label the pod for yourself: name=value"),
)

APP_ADD = (
    *PER_APP,
    *ISOLATORS,
    *STREAMS,
    Option("mnt-volume", "strings", "volume and its place: name=N,kind=K,target=PATH,..."),
)

APP = (Option("app", "string", "name of the app"),)
APP_LIST = (NO_LEGEND,)
APP_STATUS = (*APP, FORMAT)
