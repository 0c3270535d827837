"""What a pod's place in its networks demands of the firewall. Pure, but for finding the plugins."""

from __future__ import annotations

from rktpy.errors import RktError
from rktpy.net import chain, record
from rktpy.net.chain import Attachment
from rktpy.net.registry import Registry
from rktpy.net.rules import Forward, Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rktpy.net.conf import NetConf
    from rktpy.net.record import Membership
    from rktpy.net.result import Result
    from rktpy.net.rules import Published

PORTS = "portMappings"  # the capability by which a plugin asks for published ports


class DemandError(RktError):
    """There is nothing that a published port could lead to."""


def demands(
    uuid: str,
    confs: Sequence[NetConf],
    memberships: Sequence[Membership],
    published: Sequence[Published],
) -> Rules:
    """Return the rules of all networks of a pod that it has joined, and of its ports.

    Raises:
        RktError: a plugin is missing, its configuration is wrong, or the network that the ports
            lead to gave the pod no address.
    """
    rules = Rules()
    for conf, one in zip(confs, memberships, strict=True):
        if one.result is None:
            continue
        find = registry_of(conf, one, {}, "/").find
        rules |= chain.rules(attachment_of(conf, one, uuid), find, one.result)
        if PORTS in one.told and not asks_for_ports(conf):
            rules |= Rules(forwards=tuple(_forwards(published, one.result)))
    return rules


def registry_of(
    conf: NetConf, membership: Membership, environment: Mapping[str, str], pod: str
) -> Registry:
    """Return what finds the plugins of ``membership``, for a pod in the directory ``pod``."""
    kinds = (str(fields["type"]) for fields in conf.plugins)
    chosen = dict(zip(kinds, membership.plugins, strict=False))
    return Registry(membership.local, environment, pod, chosen)


def attachment_of(
    conf: NetConf, membership: Membership, uuid: str, place: str | None = None
) -> Attachment:
    """Return what plugins are told; ``place`` is the path of the pod's namespace, "" if that is
    gone."""
    return Attachment(
        conf=conf,
        container=uuid,
        netns=record.netns_path(uuid) if place is None else place,
        interface=membership.interface,
        arguments=membership.arguments,
        capabilities=membership.told,
    )


def _forwards(published: Sequence[Published], result: Result) -> list[Forward]:
    """Return where the published ports lead: to the first address of each family."""
    families: dict[int, str] = {}
    for one in result.addresses:
        families.setdefault(one.family, one.address)
    if not families:
        raise DemandError("the network that published ports lead to gave the pod no address")
    return [Forward(port, address) for port in published for address in families.values()]


def asks_for_ports(conf: NetConf) -> bool:
    """Return whether a plugin of the network sees to published ports itself."""
    return any(takes_ports(fields) for fields in conf.plugins)


def takes_ports(fields: Mapping[str, object]) -> bool:
    """Return whether the plugin with these ``fields`` does."""
    capabilities = fields.get("capabilities")
    return isinstance(capabilities, dict) and capabilities.get(PORTS) is True
