"""What a pod and its networks tell each other: values alone, since every start imports them."""

from __future__ import annotations

from rktpy.value import Value


class DNS(Value):
    """What belongs into resolv.conf."""

    nameservers: tuple[str, ...] = ()
    domain: str = ""
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


_NO_DNS = DNS()


class Attached(Value):
    """What a pod has got: name servers with the network they come from, and its addresses
    (CIDR), those of one network side by side."""

    dns: DNS = _NO_DNS
    dns_network: str = ""
    addresses: tuple[str, ...] = ()


class Introduction(Value):
    """What a pod tells its neighbours of itself. ``hosts`` is the text of its own hosts file, ""
    if its apps have one of the user's; ``owner`` is the host's id of the pod's root."""

    name: str = ""
    hostname: str = ""
    apps: tuple[str, ...] = ()
    hosts: str = ""
    owner: int = 0
