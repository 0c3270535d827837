"""Networks of running pods: looked at, and rules of the firewall that somebody took away put back.

``nft flush ruleset``, or a firewall service that starts again, takes the rules of pods along. No
process of ours is there to see it: ``gc`` and ``network reload`` look.
"""

from __future__ import annotations

from rktpy import log
from rktpy.errors import RktError
from rktpy.net import chain, debts, record
from rktpy.net.demands import attachment_of, demands, registry_of
from rktpy.net.firewall import applying
from rktpy.net.runtime import is_running
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rktpy.net.conf import NetConf
    from rktpy.net.record import Membership
    from rktpy.net.rules import Published, Rules


_logger = log.Logger("networking")


class Standing(Value):
    """A running pod: its directory and what it publishes."""

    uuid: str
    pod: str
    published: tuple[Published, ...] = ()


class UpkeepError(RktError):
    """The networks of a pod are not as they should be."""


def restore(pods: Iterable[Standing]) -> Iterator[tuple[str, RktError | None]]:
    """Bring back the rules of those of ``pods`` that have lost some; yield their UUIDs, each with
    why that failed, or None.

    A pod that is still joining is left alone, and one whose host is another network namespace, as
    that of a unit with ``PrivateNetwork=``; one with a damaged record too, with a warning.

    Raises:
        RktError: the rules of the host cannot be listed.
    """
    wanted: dict[str, Rules] = {}
    places: dict[str, str] = {}
    for one in pods:
        try:
            rules = rules_of(one) if _is_ours(one.pod) else None
        except RktError as error:
            _logger.warning("pod %s: %s", one.uuid, error)
            continue
        if rules:
            wanted[one.uuid], places[one.uuid] = rules, one.pod
    lost = applying.missing(wanted) if wanted else []
    for uuid in lost:
        failure = None
        try:
            applying.apply(uuid, wanted[uuid])
        except RktError as error:
            failure = error
        if not is_running(places[uuid]):  # it ended meanwhile, and who collects it may be done
            for text in debts.close(uuid):  # also of rules that came back in part
                _logger.warning("pod %s: %s", uuid, text)
            failure = None  # what an ended pod lacks is no loss
        yield uuid, failure


def check(one: Standing, environment: Mapping[str, str]) -> None:
    """Ask plugins and firewall whether the pod's networks are as they were made.

    Raises:
        RktError: they are not; the text says what is missing.
    """
    for conf, membership in _memberships(one.pod):
        if membership.result is not None:
            find = registry_of(conf, membership, environment, one.pod).find
            chain.check(attachment_of(conf, membership, one.uuid), find, membership.result)
    rules = rules_of(one)
    if rules and applying.missing({one.uuid: rules}):
        raise UpkeepError(
            f"the firewall has lost rules of pod {one.uuid}",
            hint=f"bring them back with: rktpy network reload {one.uuid}",
        )


def _is_ours(pod: str) -> bool:
    return record.is_at_home(pod) and all(one.result is not None for one in record.read(pod))


def rules_of(one: Standing) -> Rules:
    """Return the rules that a pod should have; errors as ``restore``."""
    pairs = _memberships(one.pod)
    confs, memberships = [conf for conf, _ in pairs], [membership for _, membership in pairs]
    return demands(one.uuid, confs, memberships, one.published)


def _memberships(pod: str) -> Sequence[tuple[NetConf, Membership]]:
    pairs = []
    for membership in record.read(pod):
        conf = record.conf_of(pod, membership)
        if conf is not None:
            pairs.append((conf, membership))
    return pairs
