"""Pods on a booted host: images in its store, the ways to start them, what systemd says of them.

A pod is started in one of three forms: from the shell of a login session, as a ``.service``, or
as a transient service in ``machine.slice``. Whatever the form, ``StartedPod`` answers the same
questions, so one test serves all of them.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.support import archive, closure
from tests.support.ctools import build_static
from tests.support.images import build_aci

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.support.archive import Entry
    from tests.support.remote import RemoteHost, RemoteProcess, Result

RKTPY = "/usr/bin/rktpy"
# Nobody signs the images of tests, and while that counts names lead to signed ones only.
TRUSTING = (RKTPY, "--insecure-options=image")
NOTIFY = {"appc.io/executor/supports-systemd-notify": "true"}
# KillMode=mixed: only nspawn is asked to end, and asks the pod. Delegate: limits of apps count.
POD_SERVICE = {"KillMode": "mixed", "Delegate": "yes"}

SHELL = "example.com/shell"  # its argument is a script
TALK = "example.com/talk"  # tests/support/talk: a server on a socket that the host hands over
TALK_PORT = 7777
REDIS_NOTIFY = "example.com/redis-notify"  # redis, which sends READY=1 when it serves

IMAGES = "/srv/pods-on-host"  # files of the images that ``Pods.stock`` built
_UNITS = "/run/systemd/system"
_APPLETS = ("cat", "dd", "echo", "false", "grep", "kill", "sh", "sleep", "true")

# A whiteout (overlayfs): the pod does not see the file that the tree has.
_UNTIE = """\
place=$1/overlay/$(cat "$1/stage1TreeStoreID")/upper/usr/bin
mkdir -p "$place"
mknod "$place/setpriv" c 0 0
"""
_CLEAN = """\
for unit; do systemctl stop "$unit" || :; rm -f "/run/systemd/system/$unit"; done
for uuid in $(ls /var/lib/rkt/pods/run); do
    rktpy stop --force "$uuid" || :
    rktpy status --wait=30s "$uuid" > /dev/null  # the kernel may have to write a disk out first
done
if [ $# -gt 0 ]; then systemctl daemon-reload; fi
systemctl reset-failed
rktpy gc --grace-period=0s --expire-prepared=0s
rm -f /srv/uuid-*
find /var/lib/rkt/pods -mindepth 2 -maxdepth 2
find /var/log/journal -type l
"""


@dataclass(frozen=True)
class Service:
    """A real server as an image: what it is called, how to tell that it serves and that it ended.

    ``question`` is a shell script that succeeds when the server answers through the host's
    network; ``greeting`` and ``farewell`` are parts of lines that it logs.
    """

    name: str
    image: str
    app: str
    program: str
    volume: str
    question: str
    greeting: str
    farewell: str


REDIS = Service(
    name="redis",
    image="debian.org/redis-server",
    app="redis-server",
    program="redis-server",
    volume="data,kind=empty,mode=0700,uid=499,gid=499",
    question="redis-cli ping 2>&1 | grep -x PONG",
    greeting="Ready to accept connections",
    farewell="Redis is now ready to exit, bye bye",
)
ETCD = Service(
    name="etcd",
    image="debian.org/etcd",
    app="etcd",
    program="etcd",
    volume="data,kind=empty,mode=0700,uid=498,gid=498",
    question="etcdctl --endpoints=http://127.0.0.1:2379 --dial-timeout=1s --command-timeout=2s "
    "endpoint health",
    greeting="ready to serve client requests",
    farewell="received terminated signal, shutting down",
)


@dataclass
class StartedPod:
    """A pod that was started. ``group`` is its unit's cgroup as systemd names it."""

    pods: Pods
    uuid: str
    unit: str
    group: str
    process: RemoteProcess | None  # the foreground of its form, if there is one

    @property
    def machine(self) -> str:
        """The name under which machined knows it."""
        return f"rkt-{self.uuid}"

    def properties(self, *names: str) -> dict[str, str]:
        """Return properties of its unit."""
        return self.pods.properties(self.unit, *names)

    def processes(self, app: str) -> list[int]:
        """Return the host's numbers of the processes in the cgroup of its app ``app``."""
        return self.pods.processes(f"{self.group}/payload/system.slice/{app}.service")

    def leader(self) -> int:
        """Return the host's number of its PID 1."""
        argv = ["machinectl", "show", self.machine, "-p", "Leader", "--value"]
        return int(self.pods.host.run(argv).stdout)

    def status(self) -> dict[str, str]:
        """Return what ``rktpy status`` says."""
        pairs = (line.partition("=") for line in self.pods.rktpy("status", self.uuid).splitlines())
        return {name: value for name, _, value in pairs}

    def wait_active(self) -> StartedPod:
        """Wait until all its apps run; return it."""
        self.pods.rktpy("status", "--wait-ready=30s", self.uuid)
        return self

    def wait_unregistered(self) -> None:
        """Wait until machined has forgotten it, as it does when its last process is gone."""
        self.pods.host.wait_until('! machinectl show "$1"', self.machine)

    def wait_end(self) -> int:
        """Wait until it has ended and return the exit status that its starter sees."""
        if self.process is not None:
            return self.process.wait(timeout=30 * self.pods.host.slowness).status
        ended = 'systemctl show "$1" -p ActiveState --value | grep -xE "inactive|failed"'
        self.pods.host.wait_until(ended, self.unit)
        return int(self.properties("ExecMainStatus")["ExecMainStatus"])


class Pods:
    """A host prepared for pods. Its methods leave nothing behind once ``clean`` has run."""

    def __init__(self, host: RemoteHost) -> None:
        self.host = host
        self._units: list[str] = []
        self._uuid_files: dict[str, str] = {}

    def stock(self, *builders: Callable[[Path], object]) -> None:
        """Build images and fetch them into the host's store; run a pod, as the first is slow."""
        self.host.sh('mkdir -p "$1"', IMAGES)
        with TemporaryDirectory() as directory:
            for build in builders:
                path = Path(directory, f"{build.__name__}.aci")
                build(path)
                self.host.put(str(path), f"{IMAGES}/{path.name}")
        files = sorted(f"{IMAGES}/{build.__name__}.aci" for build in builders)
        self.host.run([*TRUSTING, "fetch", *files], timeout=120)
        self.host.sh("systemctl start systemd-machined")
        self.host.run(self.argv(SHELL, "true"), timeout=60)
        self.clean()

    def rktpy(self, *args: str, status: int = 0) -> str:
        """Run a command of ``rktpy`` in a login session and return its standard output."""
        return self.host.run([*TRUSTING, *args], status=status).stdout

    def argv(self, image: str, *args: str, options: Sequence[str] = ()) -> list[str]:
        """Return the command that runs ``image`` with ``args``; ``options`` come before it."""
        words = ["--", *args] if args else []
        return [*TRUSTING, "run", "--net=host", *options, image, *words]

    def untied(self, image: str, *args: str) -> list[str]:
        """Prepare a pod whose PID 1 outlives nspawn, its tree being without setpriv, as one that
        an older rktpy prepared; return the command that runs it.
        """
        uuid = self.rktpy("prepare", image, "--", *args).strip()
        self.host.sh(_UNTIE, f"/var/lib/rkt/pods/prepared/{uuid}")
        return [RKTPY, "run-prepared", "--net=host", uuid]

    def run(self, image: str, *args: str, status: int = 0) -> Result:
        """Run a pod in a login session to its end."""
        return self.host.run(self.argv(image, *args), status=status, timeout=60)

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of a unit of the host."""
        wanted = [f"--property={name}" for name in names]
        lines = self.host.run(["systemctl", "show", unit, *wanted]).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines)

    def processes(self, group: str) -> list[int]:
        """Return the processes of a cgroup of systemd's hierarchy; none if there is no such."""
        script = (
            "root=/sys/fs/cgroup; test ! -d $root/systemd || root=$root/systemd; "
            'cat "$root$1/cgroup.procs" 2>/dev/null || :'
        )
        return [int(word) for word in self.host.sh(script, group).stdout.split()]

    def machines(self) -> list[str]:
        """Return the names of the registered pods."""
        text = self.host.run(["machinectl", "list", "--no-legend", "--no-pager"]).stdout
        return re.findall(r"^(rkt-\S+)", text, re.MULTILINE)

    def states(self) -> dict[str, str]:
        """Return the state of each pod by UUID, from ``rktpy list``."""
        rows = json.loads(self.rktpy("list", "--format=json"))
        return {row["name"]: row["state"] for row in rows or ()}

    def subcgroup(self, uuid: str) -> str:
        """Return what the pod's file ``subcgroup`` says."""
        return self.host.read(f"/var/lib/rkt/pods/run/{uuid}/subcgroup")

    def journal(self, *options: str) -> str:
        """Return the messages that ``journalctl`` selects."""
        return self.host.run(
            ["journalctl", "--quiet", "--no-pager", "--output=cat", *options]
        ).stdout

    def from_shell(
        self, argv: Sequence[str], *, registered: bool = True, scope: bool = True
    ) -> StartedPod:
        """Start a pod from the shell of a login session, which it leaves for a ``scope``."""
        argv, name = self._with_uuid_file(argv)
        process = self.host.start(argv)
        uuid = self._uuid(name)
        if not scope:
            return StartedPod(self, uuid, "", "", process)
        escaped = f"machine-rkt-{uuid}".replace("-", r"\x2d").replace(r"\x2d", "-", 1)
        unit = f"{escaped}.scope" if registered else f"rkt-{uuid}.scope"
        started_or_over = 'systemctl is-active "$1" || test ! -e "/proc/$2"'
        self.host.wait_until(started_or_over, unit, str(process.pid))
        return StartedPod(self, uuid, unit, f"/machine.slice/{unit}", process)

    def as_service(
        self, argv: Sequence[str], *, script: str = "", wait: bool = True, **settings: str
    ) -> StartedPod:
        """Start a pod as a ``.service``; ``settings`` are further ones of ``[Service]``.

        With ``script`` the service is a shell that runs it, the pod's command being ``"$@"``.
        ``wait=False`` does not wait for the service to become active.
        """
        argv, name = self._with_uuid_file(argv)
        command = quoted_for_unit(["/bin/sh", "-c", script, "sh", *argv] if script else argv)
        unit = self.unit(f"pod-{os.urandom(3).hex()}.service", {"ExecStart": command} | settings)
        self.host.run(["systemctl", "start", *([] if wait else ["--no-block"]), unit])
        return StartedPod(self, self._uuid(name), unit, f"/system.slice/{unit}", None)

    def behind_sockets(self, argv: Sequence[str], *sockets: str, **settings: str) -> str:
        """Let the first connection to one of ``sockets`` start a pod as a service; return its name.

        Each is the text of a section ``[Socket]`` and becomes a unit; ``settings`` are further
        ones of ``[Service]``.
        """
        argv, name = self._with_uuid_file(argv)
        unit = f"pod-{os.urandom(3).hex()}.service"
        names = socket_units(unit, len(sockets))
        for socket, text in zip(names, sockets, strict=True):
            # Before the service, as it would start that again when all are stopped.
            self.add_unit(socket, f"[Socket]\nService={unit}\n{text}\n")
        start = {"ExecStart": quoted_for_unit(argv), "Sockets": " ".join(names)}
        self.unit(unit, start | settings)
        self._uuid_files[unit] = name
        self.host.run(["systemctl", "start", *names])
        return unit

    def newest_of(self, unit: str) -> StartedPod:
        """Return the pod that a service of ``behind_sockets`` started last."""
        uuid = self._uuid(self.uuid_file(unit))
        return StartedPod(self, uuid, unit, f"/system.slice/{unit}", None)

    def uuid_file(self, unit: str) -> str:
        """Return where the pods of a service of ``behind_sockets`` say their UUIDs."""
        return self._uuid_files[unit]

    def as_transient(
        self, argv: Sequence[str], *, options: Sequence[str] = ("--slice=machine",), **settings: str
    ) -> StartedPod:
        """Start a pod by ``systemd-run --wait``, in ``machine.slice`` unless ``options`` differ."""
        argv, name = self._with_uuid_file(argv)
        unit = f"pod-{os.urandom(3).hex()}.service"
        given = [f"--property={key}={value}" for key, value in (POD_SERVICE | settings).items()]
        self._units.append(unit)
        process = self.host.start(
            ["systemd-run", "--wait", "--pipe", "--quiet", f"--unit={unit}", *options, *given,
             *(word.replace("$", "$$") for word in argv)]
        )  # fmt: skip
        uuid = self._uuid(name)
        group = self.properties(unit, "ControlGroup")["ControlGroup"]
        return StartedPod(self, uuid, unit, group, process)

    def unit(self, name: str, settings: Mapping[str, str]) -> str:
        """Write the service ``name``, fit for a pod unless ``settings`` differ; return ``name``."""
        lines = [f"{key}={value}\n" for key, value in (POD_SERVICE | dict(settings)).items()]
        return self.add_unit(name, f"[Service]\n{''.join(lines)}")

    def add_unit(self, name: str, text: str) -> str:
        """Write the unit ``name``, which ``clean`` stops and removes; return ``name``."""
        self.host.write(f"{_UNITS}/{name}", text)
        self._units.append(name)
        self.host.run(["systemctl", "daemon-reload"])
        return name

    def clean(self) -> None:
        """End and collect every pod, forget the units made here; fail if anything stays."""
        units, self._units = self._units, []
        left = self.host.sh(_CLEAN, *units, timeout=90).stdout.splitlines()
        left = [line for line in left if line.startswith("/var/")]
        assert not left, f"gc left behind: {' '.join(left)}"

    def _with_uuid_file(self, argv: Sequence[str]) -> tuple[list[str], str]:
        """Return ``argv`` with the option that makes ``run`` say its UUID, and where it says it."""
        command, verb, *rest = argv
        given = [word for word in rest if word.startswith("--uuid-file-save=")]
        if given:
            return list(argv), given[0].partition("=")[2]
        name = f"/srv/uuid-{os.urandom(4).hex()}"
        if verb == "run-prepared":
            self.host.write(name, rest[-1])
            return list(argv), name
        return [command, verb, f"--uuid-file-save={name}", *rest], name

    def _uuid(self, name: str) -> str:
        self.host.wait_until('test -s "$1"', name)
        return self.host.read(name).strip()


FORMS: dict[str, Callable[[Pods, Sequence[str]], StartedPod]] = {
    "shell": Pods.from_shell,
    "service": Pods.as_service,
    "transient": Pods.as_transient,
}


def socket_units(service: str, count: int) -> list[str]:
    """Return the names of the socket units of ``service`` that ``Pods.behind_sockets`` made."""
    stem = service.removesuffix(".service")
    return [f"{stem}.socket", *(f"{stem}-{number}.socket" for number in range(2, count + 1))]


def quoted_for_unit(argv: Sequence[str]) -> str:
    """Return ``argv`` as a unit file spells it in ``ExecStart=``."""
    escapes = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$", "\n": "\\n"}
    words = ("".join(escapes.get(char, char) for char in word) for word in argv)
    return " ".join(f'"{word}"' for word in words)


def shell(path: Path, name: str = SHELL, **options: Any) -> None:
    """Write an image that runs its argument as a script."""
    files: dict[str, Entry | Path] = {
        f"/bin/{applet}": archive.symlink("busybox") for applet in _APPLETS
    }
    files["/bin/busybox"] = Path("/bin/busybox")
    build_aci(path, name=name, exec=("/bin/sh", "-c"), files=dict(files), **options)


def talk(path: Path, *arguments: str, name: str = TALK) -> None:
    """Write a server that is started by the first connection to its socket."""
    port = {"name": "line", "protocol": "tcp", "port": TALK_PORT, "count": 1,
            "socketActivated": True}  # fmt: skip
    talk_image(path, *arguments, name=name, app={"ports": [port]})


def talk_image(path: Path, *arguments: str, **options: Any) -> None:
    """Write ``talk`` as an image; ``options`` are those of ``build_aci``."""
    program = build_static("talk", [Path(__file__).with_name("talk") / "talk.c"])
    files = {"/talk": archive.Entry("", mode=0o755, source=program)}
    build_aci(path, exec=["/talk", *arguments], files=dict(files), **options)


def redis(path: Path) -> None:
    """Write Debian's redis."""
    closure.redis_aci(path)


def redis_notify(path: Path) -> None:
    """Write Debian's redis, telling systemd when it is ready."""
    command = ["/usr/bin/redis-server", *closure.redis().arguments, "--supervised", "systemd"]
    closure.redis_aci(path, name=REDIS_NOTIFY, exec=command, annotations=NOTIFY)


def etcd(path: Path) -> None:
    """Write Debian's etcd."""
    closure.etcd_aci(path)
