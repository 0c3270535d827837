"""Joins a pod to its networks while ``run`` prepares the rest.

This process makes the pod's network namespace and stays in it, as does the nspawn it becomes. A
helper process in the host's namespaces runs the plugins that connect the two.
"""

from __future__ import annotations

import os

from rktpy import log
from rktpy.codec import compact, parse
from rktpy.errors import RktError
from rktpy.flavour.plan import Bandwidth
from rktpy.net.outcome import Attached
from rktpy.pod.before.dns import Mode
from rktpy.value import Value
from rktpy.verbs.network.bandwidth import fate, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from rktpy.host.helper import Answer, Helper
    from rktpy.net.attach import Plan
    from rktpy.net.conf import Joined
    from rktpy.net.netlist import NetList
    from rktpy.net.outcome import Introduction
    from rktpy.pod.before.contents import Contents
    from rktpy.pod.before.dns import Dns
    from rktpy.pod.lifecycle import Pod
    from rktpy.verbs.site import Site

_logger = log.Logger("stage1")
_networking = log.Logger("networking")


class JoiningError(RktError):
    """A pod cannot join its networks."""


class Joins(Value):
    """What a pod is to join. Without ``plan`` that is the caller's network, or none at all."""

    net: NetList
    plan: Plan | None = None
    user_namespace: bool = False
    bandwidth: Bandwidth = Bandwidth()


def plan_networks(site: Site, net: NetList, contents: Contents, *, user_namespace: bool) -> Joins:
    """Settle what ``--net`` means on this host, before anything is made.

    Raises:
        RktError: a network or plugin is not there, or its configuration is broken.
    """
    limit = wanted(contents)
    if net.host:
        return Joins(net, bandwidth=fate(limit, "the pod is in the caller's network"))
    # A pod in the host's network, of which many may start at once, needs none of these.
    from rktpy.verbs.network.publishing import published

    ports = published(contents.manifest)
    if net.none and not ports:
        alone = fate(limit, "the pod joins no network")
        return Joins(net, user_namespace=user_namespace, bandwidth=alone)
    from rktpy.net import attach, shaping
    from rktpy.net.conf import choose

    try:
        joined = choose(site.roots, net, lambda text: _networking.warning("%s", text))
        _warn_of_clashes(joined)
        told = shaping.told(limit.rate) if limit.rate else {}
        planned = attach.plan(site.local_config, joined, ports, told)
    except RktError as error:
        raise _failed(error) from None  # all of it is in the message
    return Joins(net, planned, user_namespace, fate(limit, "", planned.unshaped))


def _warn_of_clashes(joined: Sequence[Joined]) -> None:
    if len(joined) > 1:
        from rktpy.net.subnets import clashes

        for text in clashes([one.conf for one in joined]):
            _networking.warning("%s", text)


def introduced(joins: Joins, who: Introduction) -> Joins:
    """Return ``joins`` with ``who``, the names by which other pods of its networks find the pod."""
    return joins.replace(plan=joins.plan.replace(who=who)) if joins.plan else joins


class Joining:
    """Joining networks, from the start of the ``with`` block on.

    ``settle`` must come before the exec. Leaving the block means that there was no exec: the
    process returns to its own network namespace, and what was made is undone with the pod.
    """

    __slots__ = ("_helper", "_home", "_joins", "_pod")

    def __init__(self, pod: Pod, joins: Joins) -> None:
        self._pod = pod
        self._joins = joins
        self._helper: Helper | None = None
        self._home = -1

    def __enter__(self) -> Joining:
        """Start; no thread may be running that anybody waits for in the helper."""
        if self._joins.net.host:
            return self
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if self._joins.plan is None:
                self._stay_alone()
            else:
                self._start(self._joins.plan)
        except BaseException:
            self._go_home()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._go_home()

    @property
    def bandwidth(self) -> Bandwidth:
        """What becomes of limits of the pod's network."""
        return self._joins.bandwidth

    def settle(self) -> Attached:
        """Wait until the pod has joined its networks.

        Raises:
            RktError: it cannot.
        """
        if self._helper is None:
            return Attached()
        from rktpy.net.result import read_result

        try:
            answer = self._helper.wait()
        except Exception as error:
            self._helper = None  # it has ended
            if isinstance(error, RktError):
                raise _failed(error) from None
            raise
        self._helper = None  # not before: who interrupts the waiting has it cancelled
        told = parse(answer.data)
        return Attached(read_result(told).dns, told["network"], tuple(told["addresses"]))

    def show_hosts(self, target: str) -> None:
        """Let the pod see, in place of ``target``, the hosts file that its neighbours write to.

        Raises:
            MountError: the kernel says no.
        """
        plan = self._joins.plan
        if plan is not None and plan.who.hosts:
            from rktpy.host import mount
            from rktpy.net import hosts

            mount.bind(hosts.path(self._pod.path), target).execute()

    def _go_home(self) -> None:
        if self._helper is not None:
            self._helper.cancel()
        if self._home >= 0:
            from rktpy.host import syscalls

            syscalls.setns(self._home, syscalls.CLONE_NEWNET)
            os.close(self._home)

    def _stay_alone(self) -> None:
        from rktpy.host.namespace import enter_isolated_network
        from rktpy.net import record

        record.write(self._pod.path, ())
        enter_isolated_network(open_ports=self._joins.user_namespace)

    def _start(self, planned: Plan) -> None:
        from rktpy.host import netns
        from rktpy.host.helper import Helper
        from rktpy.net import attach, record
        from rktpy.verbs.network.leaving import reclaim

        pod, uuid = self._pod.path, self._pod.uuid
        attach.note(pod, uuid, planned)
        layout = self._pod.layout

        def back(network: str, address: str) -> bool:
            return reclaim(layout, network, address)

        hear, tell = os.pipe2(os.O_CLOEXEC)
        try:
            self._helper = Helper(lambda: _attach(pod, uuid, planned, hear, back), close=(tell,))
            netns.enter_new(record.netns_name(uuid), open_ports=self._joins.user_namespace)
            os.write(tell, b".")
        except BrokenPipeError:
            pass  # the helper died: ``settle`` will tell
        finally:
            os.close(hear)
            os.close(tell)


def _failed(error: RktError) -> JoiningError:
    return JoiningError(f"stage1: failed to setup network: {error.message}", hint=error.hint)


def resolved(dns: Dns, attached: Attached) -> Dns:
    """Return ``dns``, or what the pod's networks say where the user said nothing."""
    found = attached.dns
    if dns.resolv != Mode.DEFAULT or not attached.dns_network:
        return dns
    return dns.replace(
        resolv=Mode.STAGE0,
        nameservers=found.nameservers,
        search=found.search,
        options=found.options,
        domain=found.domain,
        network=attached.dns_network,
    )


def _attach(
    pod: str, uuid: str, planned: Plan, hear: int, back: Callable[[str, str], bool]
) -> Answer:
    """In the helper: wait for the namespace, then connect it."""
    from rktpy.host.helper import Answer
    from rktpy.net import attach
    from rktpy.net.result import Result, render

    if not os.read(hear, 1):
        raise RktError("the pod has no namespace")
    attached = attach.attach(pod, uuid, planned, os.environ, back)
    told = render(Result(dns=attached.dns), "1.0.0")
    told |= {"network": attached.dns_network, "addresses": list(attached.addresses)}
    return Answer(data=compact(told).encode())
