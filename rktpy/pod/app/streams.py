"""Where the standard streams of an app lead, by annotations of the pod manifest.

``null`` throws output away; anything else is logged. ``stream`` and ``tty`` are for attaching to
(rkt: stage1/init/common/pod.go). Of an app that opens its output by name it is a FIFO, as with
``stream`` in rkt (docs/adr/0021-output-by-name.md).
"""

from __future__ import annotations

import os
from itertools import islice

from rktpy.host.tree.rootpath import open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.pod import RuntimeApp

STREAM_ANNOTATION = "coreos.com/rkt/stage2/"  # followed by stdin, stdout or stderr
_INPUT, _OUTPUTS = "stdin", ("stdout", "stderr")
_DISCARDED = "null"
_STREAM = "stream"
_ATTACHABLE = (_STREAM, "tty")
_LOGS = "/var/log"
_MAX_LOGS = 200  # entries of one directory, and directories, that are looked at: images are hostile
_OUTPUT_NAMES = frozenset(
    f"{name}{number}" for name in ("/proc/self/fd/", "/dev/fd/") for number in (1, 2)
) | {"/dev/stdout", "/dev/stderr"}


def discarded_streams(runtime: RuntimeApp) -> tuple[str, ...]:
    """Return which of ``stdout`` and ``stderr`` of an app are thrown away."""
    return tuple(name for name in _OUTPUTS if _mode(runtime, name) == _DISCARDED)


def attachable_streams(runtime: RuntimeApp) -> tuple[str, ...]:
    """Return which streams of an app somebody is to attach to."""
    return tuple(name for name in (_INPUT, *_OUTPUTS) if _mode(runtime, name) in _ATTACHABLE)


def reopens_streams(runtime: RuntimeApp, rootfs: str) -> bool:
    """Return whether an app is known to open its output by name.

    The user says so with ``stream``, or the image by links in /var/log, as docker's nginx has them.
    """
    if any(_mode(runtime, name) == _STREAM for name in _OUTPUTS):
        return True
    try:
        fd = open_in_root(rootfs, _LOGS, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False  # most images have no such directory
    try:
        return _leads_to_output(fd, _LOGS, deeper=True)
    except OSError:
        return False
    finally:
        os.close(fd)


def _leads_to_output(directory: int, path: str, *, deeper: bool) -> bool:
    """Return whether a link in ``directory``, or one level below it, names an output.

    ``path`` is where the app sees the directory.
    """
    below = []
    with os.scandir(directory) as entries:
        for entry in islice(entries, _MAX_LOGS):
            if entry.is_symlink():
                target = os.path.join(path, os.readlink(entry.name, dir_fd=directory))
                if os.path.normpath(target) in _OUTPUT_NAMES:
                    return True
            elif deeper and entry.is_dir(follow_symlinks=False):
                below.append(entry.name)
    return any(_named_below(directory, path, name) for name in below)


def _named_below(directory: int, path: str, name: str) -> bool:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, dir_fd=directory)
    try:
        return _leads_to_output(fd, f"{path}/{name}", deeper=False)
    finally:
        os.close(fd)


def _mode(runtime: RuntimeApp, name: str) -> str | None:
    return runtime.annotation(STREAM_ANNOTATION + name)
