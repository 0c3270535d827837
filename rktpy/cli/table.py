"""Every command rkt has, as data. The argv walk and the click front end both read this.

A command that is not ready answers "… is not implemented yet" (exit 254). Options stand in
``rktpy.cli.tables`` and are imported with their command only.
"""

from __future__ import annotations

from rktpy.cli.kinds import is_true
from rktpy.cli.spec import IMAGES, IMAGES_ONLY, STOP, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

GLOBAL_OPTIONS = "common:GLOBAL"

_APP = "RKT_EXPERIMENT_APP"
_ATTACH = "RKT_EXPERIMENT_ATTACH"

_IMAGE_USAGE = "IMAGE [-- image-args...[---]]..."
_VOLUME_USAGE = "[--volume=name,kind=host,...] [--mount volume=VOL,target=PATH]"

_TOP_USAGE = "top [--interval=duration] [--no-stream] [UUID ...]"
_TOP_LONG = (
    "On a terminal the figures are updated until interrupted, elsewhere shown once, after one"
    " interval. CPU % is of one processor. MEMORY leaves out cached files that are not in use. What"
    " the host does not account is shown as -."
)
_EVENTS_USAGE = "events [--filter=KEY=VALUE]... [--since=TIME] [--until=TIME] [--no-stream]"
_EVENTS_LONG = (
    "Prints a line for each event: time, type, event, UUID of the pod or ID of the image, and"
    " further details. Events of pods: preparing, then aborted or prepared, started, registered,"
    " ready, exited, unregistered, marked, removed; of apps: exited; of images: fetched, removed."
    " They are found by watching directories, and by machined's signals where machined runs. Past"
    " events have the times recorded on disk; an event without one has the time at which it was"
    " noticed."
)

ROOT = Command(
    "",
    "",
    "run pods of application images, without a daemon",
    usage="[command]",
    commands=(
        Command(
            "api-service",
            "api_service:serve",
            "answer questions about pods and images over gRPC",
            usage="api-service [--listen=ADDRESS]",
            options="services:API_SERVICE",
            ready=False,
        ),
        Command(
            "app",
            "",
            "change the apps of a running pod (experimental)",
            usage="app [command]",
            experiment=_APP,
            commands="groups:APP",
        ),
        Command(
            "attach",
            "attach:attach",
            "connect to the streams of a running app",
            usage="attach [--app=APPNAME] [--mode=MODE] UUID",
            options="pods:ATTACH",
            arity=(1, 1),
            root=True,
            ready=False,
            experiment=_ATTACH,
            complete="pod",
        ),
        Command(
            "cat-manifest",
            "cat_manifest:cat_manifest",
            "print the manifest of a pod",
            usage="cat-manifest UUID",
            options="pods:CAT_MANIFEST",
            arity=(1, 1),
            uuid_file=True,
            complete="pod",
        ),
        Command(
            "completion",
            "completion:completion",
            "print a completion script for a shell",
            usage="completion SHELL",
            long="SHELL is bash, zsh or fish. For bash, run: source <({program} completion bash)",
            complete=("bash", "zsh", "fish"),
        ),
        Command(
            "config",
            "config:config",
            "print the configuration in effect as JSON",
            usage="config",
            options="services:CONFIG",
        ),
        Command(
            "cp",
            "cp:cp",
            "copy files into and out of pods",
            usage="cp [--archive] [--follow-link] SOURCE TARGET",
            long="One of SOURCE and TARGET is POD:PATH or POD/APP:PATH, the other a path of this"
            " host, or - for a tar stream. POD is a name or the beginning of a UUID. A directory is"
            " copied into TARGET if that exists, and becomes TARGET if not; a SOURCE that ends in"
            " /. stands for the content of a directory. Copies belong to the caller unless"
            " --archive is given. Volumes are visible only while the pod runs.",
            options="pods:CP",
            arity=(2, 2),
            root=True,
            extra=True,
            complete="copy",
        ),
        Command(
            "enter",
            "enter:enter",
            "run a command inside an app of a running pod",
            usage="enter [--app=APPNAME] [--as-app] UUID [CMD [ARGS ...]]",
            options="pods:ENTER",
            grammar=STOP,
            arity=(1, None),
            root=True,
            complete="running-pod",
        ),
        Command(
            "events",
            "events:events",
            "print what happens to pods, apps and images, as it happens",
            usage=_EVENTS_USAGE,
            long=_EVENTS_LONG,
            options="pods:EVENTS",
            extra=True,
        ),
        Command(
            "export",
            "export:export",
            "write an app of an exited pod to an ACI file",
            usage="export [--app=APPNAME] UUID OUTPUT_ACI_FILE",
            options="pods:EXPORT",
            arity=(2, 2),
            complete="pod",
        ),
        Command(
            "fetch",
            "fetch:fetch",
            "fetch images into the local store",
            usage="fetch IMAGE_URL...",
            long="Prints the hash of each image. An image is a file, a URL, a name, docker://NAME,"
            " oci:DIRECTORY, oci-archive:FILE or docker-archive:FILE.",
            options="images:FETCH",
            grammar=IMAGES_ONLY,
            complete="image",
        ),
        Command(
            "gc",
            "gc:gc",
            "collect pods that ended",
            usage="gc [--grace-period=duration] [--expire-prepared=duration]",
            long="Marks pods that have ended, deletes them when the grace period is over, and takes"
            " them out of their networks. The grace period begins when a pod ends, or when it is"
            " marked if its end is not known. Firewall rules that running pods have lost are"
            " restored.",
            options="pods:GC",
            root=True,
        ),
        Command(
            "generate",
            "generate:generate",
            "show the units of pods that are declared in files",
            usage="generate --dry-run [FILE...]",
            long="Prints the units that systemd gets at boot and daemon-reload, and writes nothing."
            " Without FILE, all .pod files of this host are read, from /etc/rktpy, /run/rktpy/pods"
            " and /usr/share/rktpy/pods. With FILE, only the units of those files are printed; the"
            " files they depend on are looked up beside them first. Problems are reported with file"
            " and line.",
            options="services:GENERATE",
            extra=True,
            complete="file",
            commands="groups:GENERATE",
        ),
        Command(
            "healthcheck",
            "enter:healthcheck",
            "run the health check of an app's image",
            usage="healthcheck [--app=APPNAME] UUID",
            long="A docker or OCI image may name a command that tells whether its app is healthy."
            " It runs once, in the app and as the app's user. When to run it again is up to the"
            " caller.",
            options="pods:HEALTHCHECK",
            arity=(1, 1),
            root=True,
            extra=True,
            complete="running-pod",
        ),
        Command(
            "help",
            "help:help_",
            "show help for a command",
            usage="help [command]",
            complete="command",
        ),
        Command(
            "image",
            "",
            "work with the local store of images",
            usage="image [command]",
            commands="groups:IMAGE",
        ),
        Command("list", "list:list_", "list pods", usage="list", options="pods:LIST"),
        Command(
            "logs",
            "logs:logs",
            "print what the apps of a pod wrote",
            usage="logs [--app=APPNAME] [--since=TIME] [-n LINES] [-f] UUID",
            options="pods:LOGS",
            arity=(1, 1),
            extra=True,
            complete="pod",
        ),
        Command(
            "metadata-service",
            "metadata_service:serve",
            "tell pods about themselves over HTTP",
            usage="metadata-service [--listen-port=PORT]",
            options="services:METADATA_SERVICE",
            ready=False,
        ),
        Command(
            "network",
            "",
            "look at the networks of this host",
            usage="network [command]",
            extra=True,
            commands="groups:NETWORK",
        ),
        Command(
            "prepare",
            "prepare:prepare",
            "get a pod ready to be started later, and print its UUID",
            usage=f"prepare {_VOLUME_USAGE} [--quiet] {_IMAGE_USAGE}",
            long="Options after an image apply to that image. Its arguments stand between"
            " -- and ---.",
            options="running:PREPARE",
            grammar=IMAGES,
            root=True,
            complete="image",
        ),
        Command(
            "rm",
            "rm:rm",
            "delete pods that are not running",
            usage="rm [--ignore] --uuid-file=FILE | UUID ...",
            options="pods:RM",
            arity=(1, None),
            uuid_file=True,
            root=True,
            complete="pod",
        ),
        Command(
            "run",
            "run:run",
            "run images as one pod",
            usage=f"run {_VOLUME_USAGE} {_IMAGE_USAGE}",
            long="This process becomes the pod and exits with its status. Options after an image"
            " apply to that image. Its arguments stand between -- and ---.",
            options="running:RUN",
            grammar=IMAGES,
            root=True,
            complete="image",
        ),
        Command(
            "run-prepared",
            "run_prepared:run_prepared",
            "start a prepared pod",
            usage="run-prepared UUID",
            options="running:RUN_PREPARED",
            arity=(1, 1),
            root=True,
            complete="pod",
        ),
        Command(
            "stats",
            "top:top",
            "another name of top",
            usage=_TOP_USAGE.replace("top", "stats"),
            long=_TOP_LONG,
            options="pods:TOP",
            extra=True,
            hidden=True,
            complete="running-pod",
        ),
        Command(
            "status",
            "status:status",
            "show the state of a pod",
            usage="status [--wait=bool|timeout] [--wait-ready=bool|timeout]"
            " --uuid-file=FILE | UUID",
            options="pods:STATUS",
            arity=(1, 1),
            uuid_file=True,
            complete="pod",
        ),
        Command(
            "stop",
            "stop:stop",
            "stop running pods",
            usage="stop --uuid-file=FILE | UUID ...",
            options="pods:STOP",
            arity=(1, None),
            uuid_file=True,
            complete="running-pod",
        ),
        Command(
            "top",
            "top:top",
            "show what running pods and their apps use",
            usage=_TOP_USAGE,
            long=_TOP_LONG,
            options="pods:TOP",
            extra=True,
            complete="running-pod",
        ),
        Command(
            "trust",
            "trust:trust",
            "trust a signing key for images",
            usage="trust [--prefix=PREFIX] [--insecure-allow-http] [--skip-fingerprint-review]"
            " [--root] [PUBKEY ...]",
            long="PUBKEY is a file or a URL. Without it, keys are discovered at the prefix over"
            " https. A prefix covers the image of that name and all images below it.",
            options="images:TRUST",
            complete="file",
        ),
        Command("version", "version:version", "print versions", usage="version"),
    ),
)


def options_of(where: str) -> tuple[Option, ...]:
    """Return the options named ``"module:NAME"`` in ``rktpy.cli.tables``; empty text has none."""
    found: tuple[Option, ...] = _rows(where) if where else ()
    return found


def subcommands(group: Command, environ: Mapping[str, str]) -> list[Command]:
    """Return the commands of ``group`` that exist under these environment variables."""
    inner = group.commands
    rows: tuple[Command, ...] = _rows(inner) if isinstance(inner, str) else inner
    return [row for row in rows if not row.experiment or is_true(environ.get(row.experiment))]


def _rows(where: str) -> Any:  # noqa: ANN401 - the caller knows which of the two nouns it is
    module, _, name = where.partition(":")
    return getattr(__import__(f"rktpy.cli.tables.{module}", fromlist=[name]), name)
