"""Switches of one link or namespace below /proc/sys/net: which, and setting them.

Sources: Documentation/networking/ip-sysctl.rst of the kernel; which ones, from CNI's plugins.
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_ROOT = "/proc/sys"


class SettingError(RktError):
    """A switch of the kernel cannot be set, or is not as it should be."""


class Setting(Value):
    """``name`` is a path below /proc/sys; one that is not ``needed`` may be missing or refuse."""

    name: str
    value: str
    needed: bool = False


def for_host_end(link: str) -> tuple[Setting, ...]:
    """Return what the host's end of a pair is, before it is up: routers tell it nothing, and it
    uses the address that the kernel makes at once, so that it finds the pod at once."""
    return tuple(
        Setting(f"net/ipv6/conf/{link}/{name}", "0") for name in ("accept_ra", "accept_dad")
    )


def for_pod_end(link: str, *, ipv6: bool, announce: bool = False) -> tuple[Setting, ...]:
    """Return what a link of a pod is, before it is up; ``announce`` tells neighbours of its
    address when it gets one."""
    found = (Setting(f"net/ipv4/conf/{link}/arp_notify", "1"),) if announce else ()
    if not ipv6:
        return found
    return (
        *found,
        Setting("net/ipv6/conf/lo/disable_ipv6", "0", needed=True),
        Setting(f"net/ipv6/conf/{link}/disable_ipv6", "0", needed=True),
        Setting(f"net/ipv6/conf/{link}/accept_dad", "0"),
    )


def apply(settings: Iterable[Setting]) -> None:
    """Write those that are not so already, in the namespace where the caller is.

    Raises:
        SettingError: one that is needed cannot be written.
    """
    for one in settings:
        if read(one.name) == one.value:
            continue
        try:
            _write(one)
        except OSError as error:
            if one.needed:
                why = os.strerror(error.errno or 0)
                hint = "is /proc/sys read-only, or IPv6 switched off?" if error.errno else None
                raise SettingError(
                    f"cannot set {quote(one.name)} to {quote(one.value)}: {why}", hint=hint
                ) from error


def read(name: str) -> str | None:
    """Return what ``name`` is, without the newline; None where it cannot be read."""
    try:
        fd = os.open(f"{_ROOT}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 4096).decode(errors="replace").rstrip("\n")
    except OSError:
        return None  # some can only be written
    finally:
        os.close(fd)


def _write(one: Setting) -> None:
    fd = os.open(f"{_ROOT}/{one.name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, one.value.encode())
    finally:
        os.close(fd)
