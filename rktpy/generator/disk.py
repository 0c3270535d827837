"""Files of pods as they lie on a host, and the directory that systemd reads units from.

/etc/rktpy/         this host's             NAME.pod, NAME.pod.d/*.conf
/run/rktpy/pods/    until the next boot     of one name the first counts; a link to
/usr/share/rktpy/pods/  vendors'            /dev/null, or an empty file, is none
"""

from __future__ import annotations

import os
import stat

from rktpy.generator.file.ini import LONGEST, Problem
from rktpy.generator.file.names import SUFFIX
from rktpy.generator.pods import PodFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.generator.pods import Generated

SOURCES = ("/etc/rktpy", "/run/rktpy/pods", "/usr/share/rktpy/pods")
# Directories with units that a pod must not hide; those of generators are not among them.
UNITS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_DROP_IN = ".conf"
_PODMANS = (".container", ".kube", ".volume", ".network", ".image", ".build")
_MODE = 0o644


def collect(directories: Sequence[str], problems: list[Problem]) -> list[PodFile]:
    """Return the files of all pods by name, each with its drop-ins.

    Problems with reading a pod's files are in its ``PodFile``; those of directories are added to
    ``problems``.
    """
    files = []
    for name, path in sorted(_first_of_each(directories, SUFFIX, problems).items()):
        found: list[Problem] = []
        text = text_of(path, found)
        if not text and not found:
            continue
        places = [f"{directory}/{name}.d" for directory in directories]
        parts = [(path, text)]
        for _, drop_in in sorted(_first_of_each(places, _DROP_IN, found).items()):
            if more := text_of(drop_in, found):
                parts.append((drop_in, more))
        files.append(PodFile(name, tuple(parts), tuple(found)))
    return files


def strangers(directories: Sequence[str]) -> list[Problem]:
    """Return a problem for each file of podman's quadlet, which nothing reads in these places."""
    return [
        Problem(f"{directory}/{name}", 0, f"this is podman's; write a {SUFFIX} file with an [App]")
        for directory in directories
        for name in _names(directory, [])
        if name.endswith(_PODMANS) and not name.startswith(".")
    ]


def units_of_host(directories: Sequence[str]) -> dict[str, str]:
    """Return the paths of the host's own units by name, without masked ones."""
    found = {}
    for directory in reversed(directories):
        for name in _names(directory, []):
            path = f"{directory}/{name}"
            if not name.endswith((".d", ".wants", ".requires", ".upholds")):
                found[name] = path
    return {name: path for name, path in found.items() if not _leads_to_null(path)}


def write(directory: str, generated: Generated, problems: list[Problem]) -> None:
    """Write units and links into ``directory``, which systemd has emptied for us.

    One that cannot be written is added to ``problems``; the others are written all the same.
    """
    for name, text in generated.units:
        path = f"{directory}/{name}"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
            with open(fd, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            problems.append(Problem(path, 0, error.strerror or "cannot be written"))
    for name, text in generated.links:
        path = f"{directory}/{name}"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(text, path)
        except OSError as error:
            problems.append(Problem(path, 0, error.strerror or "cannot be made"))


def _first_of_each(
    directories: Sequence[str], suffix: str, problems: list[Problem]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for directory in directories:
        for name in _names(directory, problems):
            if name.endswith(suffix) and not name.startswith("."):
                found.setdefault(name, f"{directory}/{name}")
    return found


def _names(directory: str, problems: list[Problem]) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []  # most hosts lack most of them
    except OSError as error:
        problems.append(Problem(directory, 0, error.strerror or "cannot be read"))
        return []


def _leads_to_null(path: str) -> bool:
    try:
        return os.readlink(path) == "/dev/null"
    except OSError:
        return False  # no link


def text_of(path: str, problems: list[Problem]) -> str:
    """Return the content of a file, empty if there is none. Bytes that are not UTF-8 become
    surrogates (PEP 383).

    A FIFO does not block it. What cannot be text is added to ``problems``, once for each file.
    """
    if _leads_to_null(path):
        return ""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # asked first: opening a device may do things
            problems.append(Problem(path, 0, "this is not a regular file"))
            return ""
        # If a FIFO has come in its place, the start of the host must not wait for it.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            data = _bytes(fd)
        finally:
            os.close(fd)
    except OSError as error:
        problems.append(Problem(path, 0, error.strerror or "cannot be read"))
        return ""
    if len(data) > LONGEST:
        problems.append(Problem(path, 0, f"it is larger than {LONGEST >> 20} MiB"))
        return ""
    if b"\0" in data:  # else each line of a program would be told
        problems.append(Problem(path, 0, "this is not a text file"))
        return ""
    return data.decode("utf-8", "surrogateescape")


def _bytes(fd: int) -> bytes:
    data = b""
    while len(data) <= LONGEST and (more := os.read(fd, LONGEST + 1 - len(data))):
        data += more
    return data
