"""The built-in stage1 image: the host's systemd and the files of ``stage1/``, as an ordinary ACI.

The image is small on purpose (no generators, no tmpfiles, no sysusers): a trimmed tree boots
four times faster than a distribution's. Its ``host`` label is a fingerprint of everything it
was made of, so a new systemd on the host, or a new rktpy, makes a new image by itself.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError
from rktpy.host import process
from rktpy.nspawn import lifeline
from rktpy.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

NAME = "coreos.com/rkt/stage1-host"
FINGERPRINT_LABEL = "host"
BUILTIN_ANNOTATION = "rktpy/stage1/builtin"  # names the flavour that runs in process

_SYSTEMD_DIRS = ("/usr/lib/systemd", "/lib/systemd")
_DAEMONS = ("systemd", "systemd-journald", "systemd-shutdown")
_OPTIONAL_DAEMONS = ("systemd-executor",)  # PID 1 starts services through it from 255 on
_TOOLS = ("sh", "ln", "strings", "cat")
_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
_DIRECTORIES = (
    "dev", "etc", "opt", "opt/stage2", "proc", "root", "rkt", "rkt/env", "rkt/libexec",
    "rkt/hidden", "rkt/status", "rkt/volumes", "run", "sys", "tmp", "usr", "usr/bin", "usr/lib",
    "usr/lib/systemd", "usr/lib/systemd/system", "usr/lib/systemd/system/default.target.wants",
    "usr/lib/systemd/system/sockets.target.wants", "usr/lib64", "usr/sbin", "var", "var/log",
    "var/log/journal",
)  # fmt: skip
_MODES = {"tmp": 0o1777, "rkt/hidden": 0}
# What systemd would otherwise create in every app's writable layer as mount points. Laid below the
# image as its weakest layer, it shows only where the image has nothing of its own.
SKELETON = "rkt/skeleton"
_SKELETON_DIRECTORIES = (
    "dev", "dev/net", "dev/pts", "dev/shm", "etc", "proc", "root", "run", "run/systemd",
    "run/systemd/incoming", "run/systemd/journal", "sys", "tmp", "usr", "var",
)  # fmt: skip
_SKELETON_FILES = (
    "dev/console", "dev/full", "dev/null", "dev/random", "dev/tty", "dev/urandom", "dev/zero",
    "etc/hostname", "etc/hosts",
)  # fmt: skip
_SKELETON_LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
    "dev/log": "/run/systemd/journal/dev-log",
    "dev/ptmx": "pts/ptmx",
    "etc/mtab": "../proc/self/mounts",
}
_SOCKETS = ("systemd-journald.socket", "systemd-journald-dev-log.socket")


class Stage1Error(RktError):
    """The host lacks something the built-in stage1 is made of."""


class Entry:
    """One member of the tree: a file of the host or of ours, an empty one, a directory, a link."""

    __slots__ = ("is_file", "link", "mode", "path", "source")

    def __init__(
        self, path: str, mode: int, *, source: str = "", link: str = "", is_file: bool = False
    ) -> None:
        self.path = path
        self.mode = mode
        self.source = source
        self.link = link
        self.is_file = is_file  # an empty one, if there is no source


def files_dir() -> str:
    """Return where ``stage1/`` lies: inside an installed package, or beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = f"{package}/_stage1"
    return installed if os.path.isdir(installed) else f"{os.path.dirname(package)}/stage1"


def fingerprint(files: str) -> str:
    """Return a word that changes with anything the image is made of; only stats, no reading.

    Libraries are covered by systemd's own two: a distribution rebuilds none of the others in an
    incompatible way without them.
    """
    words = [VERSION]
    for path in (*_host_programs().values(), *_systemd_libraries(), *_own_files(files)):
        status = os.stat(path)
        words.append(f"{status.st_mtime_ns:x}.{status.st_size:x}")
    return f"{_fnv64('-'.join(words)):016x}"


def entries(files: str) -> Iterator[Entry]:
    """Yield the members of the tree, directories before what is in them."""
    from rktpy.nspawn.closure import closure

    for directory in _DIRECTORIES:
        yield Entry(directory, _MODES.get(directory, 0o755))
    made = set(_DIRECTORIES)
    programs = _host_programs()
    for name in lifeline.find_programs():
        if not lifeline.works(name, programs[name]):
            del programs[name]
    for place, source in sorted(closure([*programs.values()]).items()):
        for parent in _parents(place.lstrip("/")):
            if parent not in made and parent not in _LINKS:
                made.add(parent)
                yield Entry(parent, 0o755)
        yield Entry(place.lstrip("/"), 0o755, source=source)
    for link, target in _LINKS.items():
        yield Entry(link, 0o777, link=target)
    yield from _tool_links(programs)
    yield from _own_entries(files)
    yield from _skeleton()


def write_aci(files: str, mark: str, out: BinaryIO) -> None:
    """Write the image as an uncompressed ACI to ``out``; ``mark`` is its fingerprint."""
    import io
    import tarfile

    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as archive:
        manifest = _manifest(files, mark)
        head = tarfile.TarInfo("manifest")
        head.size, head.mode = len(manifest), 0o644
        archive.addfile(head, io.BytesIO(manifest))
        root = tarfile.TarInfo("rootfs")
        root.type, root.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(root)
        for entry in entries(files):
            member = tarfile.TarInfo(f"rootfs/{entry.path}")
            member.mode = entry.mode
            if entry.link:
                member.type, member.linkname = tarfile.SYMTYPE, entry.link
                archive.addfile(member)
            elif entry.source:
                with open(entry.source, "rb") as content:
                    member.size = os.fstat(content.fileno()).st_size
                    archive.addfile(member, content)
            else:
                member.type = tarfile.REGTYPE if entry.is_file else tarfile.DIRTYPE
                archive.addfile(member)


def _manifest(files: str, mark: str) -> bytes:
    import json

    with open(f"{files}/manifest.json", "rb") as file:
        manifest = json.load(file)
    manifest["labels"] += [
        {"name": "arch", "value": _arch()},
        {"name": "version", "value": VERSION},
        {"name": FINGERPRINT_LABEL, "value": mark},
    ]
    return json.dumps(manifest).encode()


def _arch() -> str:
    from rktpy.appc.arch import host_arch

    return host_arch()


def systemd_programs(directories: tuple[str, ...] = _SYSTEMD_DIRS) -> dict[str, str]:
    """Return ``{name: path}`` of what goes into the tree of systemd's own ``directories``.

    Raises:
        Stage1Error: one that the pod cannot do without is missing.
    """
    programs: dict[str, str] = {}
    for name in (*_DAEMONS, *_OPTIONAL_DAEMONS):
        for directory in directories:
            if os.access(f"{directory}/{name}", os.X_OK):
                programs[name] = f"{directory}/{name}"
                break
        else:
            if name in _DAEMONS:
                raise Stage1Error(f"{name} is not on this host", hint="install systemd")
    return programs


def _host_programs() -> dict[str, str]:
    programs = systemd_programs()
    programs["systemctl"] = _needed("systemctl")
    busybox = process.find_program("busybox", process.DEFAULT_PATH)
    if busybox:
        programs["busybox"] = busybox
    else:
        programs |= {tool: _needed(tool) for tool in _TOOLS if tool != "strings"}
    return programs | lifeline.find_programs()


def _needed(name: str) -> str:
    path = process.find_program(name, process.DEFAULT_PATH)
    if path is None:
        raise Stage1Error(f"{name} is not on this host", hint="install systemd and busybox")
    return path


def _systemd_libraries() -> Iterator[str]:
    """Yield systemd's private libraries, wherever the distribution keeps them."""
    multiarch = f"/usr/lib/{os.uname().machine}-linux-gnu/systemd"
    for directory in ("/usr/lib/systemd", "/usr/lib64/systemd", multiarch):
        if os.path.isdir(directory):
            for name in sorted(os.listdir(directory)):
                if name.startswith("libsystemd-") and ".so" in name:
                    yield f"{directory}/{name}"


def _own_files(files: str) -> Iterator[str]:
    yield os.path.abspath(__file__)  # the recipe itself
    yield f"{files}/manifest.json"
    for part in ("etc", "libexec", "units"):
        for name in sorted(os.listdir(f"{files}/{part}")):
            yield f"{files}/{part}/{name}"


def _own_entries(files: str) -> Iterator[Entry]:
    """Yield what ``stage1/`` adds to the host's programs."""
    units = "usr/lib/systemd/system"
    places = {"units": (units, 0o644), "libexec": ("rkt/libexec", 0o755)}
    for part, (place, mode) in places.items():
        for name in sorted(os.listdir(f"{files}/{part}")):
            yield Entry(f"{place}/{name}", mode, source=f"{files}/{part}/{name}")
    for name in sorted(os.listdir(f"{files}/etc")):
        place = "etc/systemd" if name in ("journald.conf", "system.conf") else "etc"
        if name == "journald.conf":
            yield Entry("etc/systemd", 0o755)
        yield Entry(f"{place}/{name}", 0o644, source=f"{files}/etc/{name}")
    yield Entry("etc/mtab", 0o777, link="../proc/self/mounts")
    yield Entry(f"{units}/ctrl-alt-del.target", 0o777, link="reboot.target")
    for socket in _SOCKETS:
        yield Entry(f"{units}/sockets.target.wants/{socket}", 0o777, link=f"../{socket}")
    yield Entry("flavor", 0o777, link="host")


def _skeleton() -> Iterator[Entry]:
    yield Entry(SKELETON, 0o755)
    for directory in _SKELETON_DIRECTORIES:
        yield Entry(f"{SKELETON}/{directory}", 0o1777 if directory == "tmp" else 0o755)
    for file in _SKELETON_FILES:
        yield Entry(f"{SKELETON}/{file}", 0o644, is_file=True)
    for link, target in _SKELETON_LINKS.items():
        yield Entry(f"{SKELETON}/{link}", 0o777, link=target)


def _tool_links(programs: dict[str, str]) -> Iterator[Entry]:
    if "busybox" not in programs:
        return
    place = os.path.realpath(programs["busybox"]).lstrip("/")
    for tool in _TOOLS:
        if f"usr/bin/{tool}" != place:
            yield Entry(f"usr/bin/{tool}", 0o777, link=f"/{place}")


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    for length in range(1, len(parts) + 1):
        yield "/".join(parts[:length])


def _fnv64(text: str) -> int:
    """FNV-1a: tells versions apart without importing hashlib; nobody attacks their own host."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
