"""The door to networks: a pod joins those it asked for, and leaves them again.

``plan`` says what will be done, before there is a pod. ``attach`` runs in a helper process of
``run``, in the namespaces of the host, while the pod's trees are being laid; the pod's namespace
is made by then. Everything is noted in the pod's directory before it is done, so that ``detach``,
which knows nothing but that directory, takes back whatever a kill at any point has left. ``attach``
itself undoes nothing but what its plugins undo: who started the pod calls ``detach``.
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.errors import RktError
from rktpy.host import netns
from rktpy.net import chain, hosts, record
from rktpy.net.demands import (
    PORTS,
    asks_for_ports,
    attachment_of,
    demands,
    registry_of,
    takes_ports,
)
from rktpy.net.names import announce, withdraw
from rktpy.net.outcome import DNS, Attached, Introduction
from rktpy.net.record import Membership
from rktpy.net.registry import POD, Registry
from rktpy.net.runtime import is_running
from rktpy.net.shaping import CAPABILITY, shaped
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rktpy.net.chain import Attachment, Find
    from rktpy.net.conf import Joined, NetConf
    from rktpy.net.result import Result
    from rktpy.net.rules import Published

_logger = log.Logger("networking")
_NO_DNS = DNS()
_NOBODY = Introduction()


class NetworkError(RktError):
    """A pod cannot join its networks."""


class Plan(Value):
    """The networks that a pod is to join, in order, and the ports that the host publishes."""

    confs: tuple[NetConf, ...] = ()
    memberships: tuple[Membership, ...] = ()  # one for each of ``confs``
    published: tuple[Published, ...] = ()
    unshaped: tuple[str, ...] = ()  # networks that cannot limit the pod, if that is asked for
    who: Introduction = _NOBODY  # what its neighbours are told of the pod


def plan(
    local: str,
    joined: Sequence[Joined],
    published: Sequence[Published],
    told: Mapping[str, object],
) -> Plan:
    """Return what a pod that joins ``joined`` has to do; ``told`` are further capabilities.

    ``local`` is the local configuration directory.

    Raises:
        NetworkError: a plugin is missing, or there is no network for the ports.
    """
    registry = Registry(local, {}, "/")
    unshaped: list[str] = []
    if CAPABILITY in told:
        joined = [_shaped(one, unshaped) for one in joined]
    if published and not joined:
        raise NetworkError("no networks found", hint="try another --net")
    memberships = []
    for number, one in enumerate(joined):
        capabilities = dict(told)
        if published and number == _publishing(joined):
            capabilities[PORTS] = _mappings(one.conf, published)
        try:
            paths = [registry.path(str(fields["type"])) for fields in one.conf.plugins]
        except RktError as error:
            message = f'error adding network "{one.conf.name}": {error.message}'
            raise NetworkError(message, hint=error.hint) from error
        if capabilities.get(PORTS):
            _check_sources(one.conf, published, paths)
        memberships.append(
            Membership(
                network=one.conf.name,
                file=_copy_name(one, joined),
                plugins=tuple(paths),
                interface=one.interface,
                arguments=one.arguments,
                local=local,
                told=capabilities,
            )
        )
    confs = tuple(one.conf for one in joined)
    return Plan(confs, tuple(memberships), tuple(published), tuple(unshaped))


def _shaped(one: Joined, unshaped: list[str]) -> Joined:
    conf = shaped(one.conf)
    if conf is None:
        unshaped.append(one.conf.name)
    return one if conf is None else one.replace(conf=conf)


def note(pod: str, uuid: str, planned: Plan) -> None:
    """Note in the directory ``pod`` what ``attach`` will do, before the namespace is made."""
    record.begin(pod, uuid, planned.confs, planned.memberships)
    record.write(pod, planned.memberships)
    if planned.who.hosts:
        networks = (conf.name for conf in planned.confs)
        hosts.prepare(pod, planned.who.hosts, networks, planned.who.owner)


def attach(
    pod: str,
    uuid: str,
    planned: Plan,
    environment: Mapping[str, str],
    reclaim: Callable[[str, str], bool],
) -> Attached:
    """Have the pod in the directory ``pod`` join its networks; its namespace is there.

    ``reclaim`` is asked to take pods that ended out of a network that has no address left, or out
    of the way of the one address that was asked for, and says whether there were some.

    Raises:
        RktError: a plugin failed, no address is left, or a port is in use.
    """
    if planned.published:
        from rktpy.net.claims import claim

        claim(uuid, pod, planned.published, is_running)
    memberships = list(planned.memberships)
    for number, conf in enumerate(planned.confs):
        one = memberships[number]
        find = registry_of(conf, one, environment, pod).find
        result = _join(attachment_of(conf, one, uuid), find, reclaim)
        memberships[number] = one.replace(result=result)
        record.write(pod, memberships)
    rules = demands(uuid, planned.confs, memberships, planned.published)
    if rules:
        from rktpy.net.firewall.applying import apply

        apply(uuid, rules)
    addresses = {
        one.network: [address.address for address in one.result.addresses]
        for one in memberships
        if one.result is not None and one.result.addresses
    }
    for error in announce(uuid, pod, planned.who, addresses, is_running):
        _logger.warning("%s", error)
    record.joined(pod)
    return _attached(memberships)


def detach(pod: str, uuid: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Take back all that the pod in the directory ``pod`` has of networks; return what failed.

    Nothing runs in the pod any more. Repeating it is harmless. It is done in the network namespace
    that was the pod's host, if that is still there. Before threads start.

    Raises:
        OSError: rules are left, and it could not be noted that they are.
    """
    from rktpy.net import homes

    place = homes.elsewhere(record.home(pod))
    if not place:
        return _detach(pod, uuid, environment)
    try:
        return homes.there(place, lambda: _detach(pod, uuid, environment))
    except RktError as error:
        _logger.debug("pod %s: %s", uuid, error)  # it has just ended, with all that was in it
        return _detach(pod, uuid, environment)


def _detach(pod: str, uuid: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    from rktpy.net import debts
    from rktpy.net.claims import publishes

    errors: list[str] = []
    try:
        memberships = record.read(pod)
    except RktError as error:
        memberships = record.read_copies(pod)
        errors.append(error.message)
        _release_lost(pod, uuid, errors)
    asked = publishes(uuid, "udp")
    errors += debts.close(uuid)
    if asked:
        errors += _forget_clients(memberships)
    errors += withdraw(uuid, is_running)
    place = record.netns_path(uuid)
    there = place if _is_namespace(place) else ""
    for one in reversed(memberships):
        try:
            conf = record.conf_of(pod, one)
            if conf is None:
                continue  # it has left this one
            find = registry_of(conf, one, environment, pod).find
            errors += chain.delete(attachment_of(conf, one, uuid, there), find, one.result)
            if one.result is not None:
                _release_damaged(conf, one.result)
            record.left(pod, one)
        except (RktError, OSError) as error:
            errors.append(f'error loading "{one.network}"; ignoring: {error}')
    try:
        netns.remove(record.netns_name(uuid))
        record.forget_netns(pod)
    except (RktError, OSError) as error:
        errors.append(str(error))
    return tuple(errors)


def _forget_clients(memberships: Sequence[Membership]) -> list[str]:
    from rktpy.net.firewall import flows

    try:
        flows.forget(_addresses(memberships))
    except RktError as error:
        return [str(error)]
    return []


def _release_lost(pod: str, uuid: str, errors: list[str]) -> None:
    """Give back the addresses of a pod whose record a power cut emptied, with their leases perhaps:
    those without an owner that were made after its namespace was noted, and before this boot."""
    from rktpy.host.clock import boot_time
    from rktpy.net.ipam.leases import release_lost

    try:
        began = os.lstat(record.note_of_netns(pod)).st_mtime_ns
        release_lost(uuid, began, boot_time())
    except (RktError, OSError) as error:
        errors.append(str(error))


def _release_damaged(conf: NetConf, result: Result) -> None:
    """Give back what a pod had where its lease no longer says so (a power cut, a stray editor)."""
    addresses = {one.address.partition("/")[0] for one in result.addresses}
    for fields in conf.plugins:
        ipam = fields.get("ipam")
        if addresses and isinstance(ipam, dict) and ipam.get("type") == "host-local":
            from rktpy.net.ipam.leases import directory, release_damaged

            base = ipam.get("dataDir")
            place = directory(conf.name, base if isinstance(base, str) else "")
            release_damaged(place, addresses)


def _join(attachment: Attachment, find: Find, reclaim: Callable[[str, str], bool]) -> Result:
    hopeless = False  # and yet: one may have left between the last try and the look around
    while True:
        try:
            return chain.add(attachment, find)
        except RktError as error:
            from rktpy.net.ipam.host_local import UnavailableError

            cause = error.__cause__
            if hopeless or not isinstance(cause, UnavailableError):
                raise
            hopeless = not reclaim(attachment.conf.name, cause.address)


def _copy_name(one: Joined, joined: Sequence[Joined]) -> str:
    """Return what the copy of the configuration is called; two directories may use one name."""
    alike = sum(other.conf.file == one.conf.file for other in joined)
    return one.conf.file if alike == 1 else f"{one.interface}-{one.conf.file}"


def _publishing(joined: Sequence[Joined]) -> int:
    """Return which network the host's ports lead to: the first with ipMasq, else the last (rkt)."""
    for number, one in enumerate(joined):
        if any(fields.get("ipMasq") is True for fields in one.conf.plugins):
            return number
    return len(joined) - 1


def _mappings(conf: NetConf, published: Sequence[Published]) -> list[dict[str, object]]:
    """Return the ports as CNI's portmap plugin is told them; none if the network has no such
    plugin, and the ports are ours to see to."""
    if not asks_for_ports(conf):
        return []
    from rktpy.net.plugins.portmap import port_mappings

    return port_mappings(published)


def _check_sources(conf: NetConf, published: Sequence[Published], paths: Sequence[str]) -> None:
    """Refuse ports for some only where a program would publish them: it would let everybody in."""
    for fields, path in zip(conf.plugins, paths, strict=True):
        for port in published:
            if takes_ports(fields) and port.sources and not path.startswith(f"{POD}/"):
                raise NetworkError(
                    f'port "{port.name}" is for some networks only, which {path} of network'
                    f' "{conf.name}" cannot do',
                    hint="remove the program: portmap is built in",
                )


def _attached(memberships: Sequence[Membership]) -> Attached:
    dns, network = _NO_DNS, ""
    for one in memberships:
        if one.result is None or one.result.dns == _NO_DNS:
            continue
        if network:
            _logger.warning(
                "Warning: network %s plugin specified DNS configuration, but DNS already supplied",
                one.network,
            )
            continue
        dns, network = one.result.dns, one.network
    return Attached(dns, network, _addresses(memberships))


def _addresses(memberships: Sequence[Membership]) -> tuple[str, ...]:
    results = [one.result for one in memberships if one.result is not None]
    return tuple(address.address for result in results for address in result.addresses)


def _is_namespace(place: str) -> bool:
    """Whether the pod's namespace is still there: after a reboot only its name may be."""
    try:
        os.close(netns.open_file(os.path.basename(place)))
    except RktError:
        return False
    return True
