"""Switches of the host's kernel without which its rules lead nowhere.

A switch that is on already is not written: /proc/sys may be read-only. Sources:
Documentation/networking/ip-sysctl.rst of the kernel.
"""

from __future__ import annotations

import os

from rktpy.errors import RktError

_ROOT = "/proc/sys/net"


class SysctlError(RktError):
    """A switch of the kernel cannot be set."""


def forward(*, ipv6: bool) -> None:
    """Let the host pass on packets of one family.

    Raises:
        SysctlError: the kernel says no.
    """
    if not ipv6:
        _set("ipv4/ip_forward", "1")
        return
    name = "ipv6/conf/all/forwarding"
    if _get(name) != "1":
        _keep_router_advertisements()
        _set(name, "1")


def take_loopback(link: str) -> None:
    """Let packets with addresses of 127.0.0.0/8 go out and come in by ``link``; errors as above."""
    _set(f"ipv4/conf/{link}/route_localnet", "1")


def refuse_loopback(link: str) -> None:
    """Have them dropped again; errors as above."""
    _set(f"ipv4/conf/{link}/route_localnet", "0")


def takes_loopback(link: str) -> bool:
    """Return whether they do."""
    return _get(f"ipv4/conf/{link}/route_localnet") == "1"


def _keep_router_advertisements() -> None:
    """A host that forwards forgets the default routes routers told it, unless it is told 2."""
    try:
        links = os.listdir(f"{_ROOT}/ipv6/conf")
    except OSError:
        return  # no IPv6: what comes next says so
    for link in links:
        name = f"ipv6/conf/{link}/accept_ra"
        if _get(name) != "1":
            continue
        try:
            _set(name, "2")
        except SysctlError:
            if _get(name):
                raise
            # The link is gone: that of a pod that ended meanwhile.


def _get(name: str) -> str:
    try:
        with open(f"{_ROOT}/{name}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""  # no such link, or no IPv6


def _set(name: str, value: str) -> None:
    if _get(name) == value:
        return
    path = f"{_ROOT}/{name}"
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise SysctlError(
            f"cannot set {path} to {value}: {why}", hint="published ports and masquerading need it"
        ) from error
