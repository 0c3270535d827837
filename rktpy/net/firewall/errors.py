"""What can go wrong between a pod's rules and the host's programs."""

from __future__ import annotations

from rktpy.errors import RktError


class FirewallError(RktError):
    """The host's firewall does not do what a pod needs."""
