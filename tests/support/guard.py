"""Keeps unit tests pure: no network, no bus, no mounts; a test that tries fails by name."""

from __future__ import annotations

import os
import sys
import tempfile

# Audit events of what a unit test has no business with. Python's own interpreter may be started
# (a test of what a command imports does), and sockets between its own ends are fine.
_REFUSED = {"socket.getaddrinfo", "socket.gethostbyname", "os.system", "os.chroot"}
_PROGRAMS = {"subprocess.Popen", "os.exec", "os.posix_spawn"}
_ASKED = frozenset(_REFUSED | _PROGRAMS | {"socket.connect"})


class UnitGuard:
    """Raises in the offending call while ``active``; an audit hook cannot be taken out again."""

    def __init__(self) -> None:
        self.active = False

    def install(self) -> None:
        """Start watching; once per process."""

        def watch(event: str, args: tuple[object, ...]) -> None:
            # Python calls it for each file that is opened, too: no more than this for those.
            if event in _ASKED and self.active:
                _judge(event, args)

        sys.addaudithook(watch)


def _judge(event: str, args: tuple[object, ...]) -> None:
    if event in _REFUSED:
        raise RuntimeError(f"a unit test may not call {event}")
    if event == "socket.connect" and not _is_private(args[1]):
        raise RuntimeError(f"a unit test may not connect to {args[1]!r}")
    if event in _PROGRAMS and not _is_python(args[0]):
        raise RuntimeError(f"a unit test may not start {args[0]!r}; move it to integration")


def _is_private(address: object) -> bool:
    """A unix socket below a temporary directory is the test's own."""
    return isinstance(address, str) and address.startswith((tempfile.gettempdir(), "\0"))


def _is_python(program: object) -> bool:
    name = os.path.basename(os.fsdecode(program)) if isinstance(program, (str, bytes)) else ""
    return name.startswith("python")
