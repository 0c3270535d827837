"""IPAM plugin ``dhcp`` is CNI's program with a daemon of its own, which renews the leases.

Ours is only what to say when the daemon is not there. Who asks it, CNI's program or a plugin that
calls that, says so in its own words.
"""

from __future__ import annotations

SOCKET = "/run/cni/dhcp.sock"  # unless ``daemonSocketPath`` says otherwise
_COMPLAINT = "error dialing DHCP daemon"  # plugins/ipam/dhcp/main.go


def hint_for(message: str, program: str) -> str | None:
    """Return what to do about ``message`` of ``program``, None if it is not about the daemon."""
    if _COMPLAINT not in message:
        return None
    directory = program.rpartition("/")[0]
    return f"start the daemon of the dhcp plugin: {directory}/dhcp daemon (it makes {SOCKET})"
