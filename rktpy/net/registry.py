"""Which plugin a type means: a program of the administrator's, one built in, or one of the host's.

<local>/net.d/<type>                 program (rkt)
/usr/lib/rkt/plugins/net/<type>      program (rkt)
built in                             rktpy.net.plugins, rktpy.net.ipam; imported when chosen
/usr/lib/cni/<type>                  program, where Debian puts them (ours)
/opt/cni/bin/<type>                  program, where everybody else puts them (ours)

So who puts a program into one of rkt's directories overrides a plugin that is built in, and the
host's programs fill in for what is not. The first regular file counts, executable or not (rkt).
"""

from __future__ import annotations

import os

from rktpy.codec import quote
from rktpy.errors import RktError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from rktpy.net.call import Plugin

VENDOR = "/usr/lib/rkt/plugins/net"
HOST = ("/usr/lib/cni", "/opt/cni/bin")
POD = "stage1/rootfs/usr/lib/rkt/plugins/net"  # below the pod's directory

# By type: module and class. Classes take ``find_ipam``, flannel ``find`` too; IPAMs take nothing.
_PLUGINS = {
    "bandwidth": ("rktpy.net.plugins.bandwidth", "Bandwidth"),
    "bridge": ("rktpy.net.plugins.bridge", "Bridge"),
    "flannel": ("rktpy.net.plugins.flannel", "Flannel"),
    "ipvlan": ("rktpy.net.plugins.ipvlan", "Ipvlan"),
    "loopback": ("rktpy.net.plugins.loopback", "Loopback"),
    "macvlan": ("rktpy.net.plugins.macvlan", "Macvlan"),
    "portmap": ("rktpy.net.plugins.portmap", "Portmap"),
    "ptp": ("rktpy.net.plugins.ptp", "Ptp"),
    "tuning": ("rktpy.net.plugins.tuning", "Tuning"),
    "vlan": ("rktpy.net.plugins.vlan", "Vlan"),
}
_IPAMS = {
    "host-local": ("rktpy.net.ipam.host_local", "HostLocal"),
    "static": ("rktpy.net.ipam.static", "Static"),
}


class PluginMissingError(RktError):
    """There is no plugin of a type."""


class Registry:
    """Finds plugins for one pod. Only a chosen plugin that is built in is imported."""

    __slots__ = ("_chosen", "_cwd", "_environment", "_local")

    def __init__(
        self,
        local: str,
        environment: Mapping[str, str],
        cwd: str,
        chosen: Mapping[str, str] | None = None,
    ) -> None:
        """``local`` is the local configuration directory, ``environment`` what programs inherit,
        ``cwd`` the pod's directory; ``chosen`` are paths by type that ``path`` returned before: who
        joined a network leaves it by the same plugins.
        """
        self._chosen = chosen or {}
        self._local = local.rstrip("/")
        self._environment = environment
        self._cwd = cwd

    def find(self, kind: str) -> Plugin:
        """Return the plugin of the type ``kind``.

        Raises:
            PluginMissingError: there is none.
        """
        made = self._built_in(kind, _PLUGINS)
        if made is None:
            return self._program(kind, self._chosen.get(kind, ""))
        plugin: Plugin = (
            made(self.find_ipam, self.find) if kind == "flannel" else made(self.find_ipam)
        )
        return plugin

    def find_ipam(self, kind: str) -> Plugin:
        """Return the plugin that gives addresses and is of the type ``kind``.

        Raises:
            PluginMissingError: there is none.
        """
        made = self._built_in(kind, _IPAMS)
        if made is None:
            return self._program(kind)
        plugin: Plugin = made()
        return plugin

    def path(self, kind: str) -> str:
        """Return where ``find`` takes ``kind`` from: a program, or where rkt's stage1 had it.

        Raises:
            PluginMissingError: there is none.
        """
        if self._built_in(kind, _PLUGINS) is not None:
            return f"{POD}/{kind}"
        return self._found(kind)

    def _built_in(self, kind: str, table: Mapping[str, tuple[str, str]]) -> Any:  # noqa: ANN401
        """Return the class built in for ``kind``, None if there is none or a program overrides."""
        if kind not in table:
            return None
        chosen = self._chosen.get(kind, "") if table is _PLUGINS else ""
        if not chosen.startswith(f"{POD}/") if chosen else first(kind, self._own()):
            return None
        module, name = table[kind]
        try:
            return getattr(__import__(module, fromlist=[name]), name)
        except ModuleNotFoundError as error:
            if error.name is None or not module.startswith(error.name):
                raise
            return None

    def _program(self, kind: str, path: str = "") -> Plugin:
        from rktpy.net.external import External

        if not path.startswith("/"):  # one of the pod's own is never executed
            path = self._found(kind)
        directories: tuple[str, ...] = (*self._own(), POD)
        if os.path.dirname(path) in HOST:
            directories += HOST
        return External(path, directories, self._environment, cwd=self._cwd, programs=HOST)

    def _found(self, kind: str) -> str:
        places = (*self._own(), *HOST)
        path = first(kind, places)
        if not path:
            raise PluginMissingError(
                f"Could not find plugin {quote(kind)}",
                hint=f"it is not built in, and is in none of {', '.join(places)}",
            )
        return path

    def _own(self) -> tuple[str, str]:
        return (f"{self._local}/net.d", VENDOR)


def first(kind: str, directories: tuple[str, ...]) -> str:
    """Return the path of the first regular file ``kind`` in ``directories``, "" without one."""
    if kind in ("", ".", "..") or "/" in kind or "\0" in kind:
        return ""
    for directory in directories:
        if os.path.isfile(path := f"{directory}/{kind}"):
            return path
    return ""
