"""Isolators of an app → the limits its unit gets. Pure but for the list of disks."""

from __future__ import annotations

from rktpy.appc import isolators as of
from rktpy.flavour.plan import Limits
from rktpy.host.disks import disks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.appc.isolator import Isolator
    from rktpy.appc.quantity import Quantity


def app_limits(isolators: tuple[Isolator, ...], *, v1: bool = False) -> Limits:
    """Return the limits ``isolators`` ask for; of several of one kind the last counts.

    ``v1``: the controllers that will hold them are v1's.
    """
    cpu = of.cpu_limit(isolators)
    bandwidth, iops = of.block_bandwidth(isolators), of.block_iops(isolators)
    return Limits(
        memory=_whole(of.memory_limit(isolators)),
        cpu_percent=cpu.milli() // 10 if cpu else None,
        cpu_shares=of.cpu_shares(isolators),
        pids=of.pids_limit(isolators),
        block_bandwidth=_whole(bandwidth),
        block_iops=_whole(iops),
        disks=disks() if bandwidth or iops else (),
        oom_score_adj=of.oom_score_adj(isolators),
        v1=v1,
    )


def asked(isolators: tuple[Isolator, ...]) -> dict[str, object]:
    """Return the isolators as ``{name: value}``; of several with one name the last counts."""
    return {isolator.name: isolator.raw for isolator in isolators}


def _whole(amount: Quantity | None) -> int | None:
    return None if amount is None else amount.integer()
