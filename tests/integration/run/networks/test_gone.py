"""However a pod ends, its leases, links, rules and namespace go with ``gc`` or ``rm``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL
from tests.integration.run.netted import nothing_remains, remains

if TYPE_CHECKING:
    from tests.integration.run.netted import Netted
    from tests.integration.run.rk import Running

STAY = (SHELL, "--", "echo up; exec sleep 1000")


@pytest.fixture
def three(net: Netted) -> Netted:
    """rktpy with a bridge and a macvlan network besides the default one."""
    for name, subnet, more in (
        ("b", "10.79.0.0/24", {"type": "bridge", "bridge": "rkt1", "isGateway": True}),
        ("m", "10.80.0.0/24", {"type": "macvlan", "master": "out0"}),
    ):
        net.configure(name, ipam={"type": "host-local", "subnet": subnet}, **more)
    return net


def up(net: Netted) -> Running:
    """Start a pod in all three networks."""
    pod = net.start("run", "--net=default", "--net=b", "--net=m", *STAY)
    pod.ready()
    assert len(remains()) >= 6  # a namespace, two links, a table, three leases
    return pod


def stopped(net: Netted, pod: Running) -> str:
    net.ok("stop", "--force", pod.uuid)
    pod.end()
    return pod.uuid


def no_namespace(uuid: str) -> None:
    subprocess.run(["umount", "--lazy", f"/run/netns/cni-{uuid}"], check=True)
    os.unlink(f"/run/netns/cni-{uuid}")


@pytest.mark.parametrize("command", ["gc", "rm"])
def test_all_of_it_goes(three: Netted, command: str) -> None:
    with up(three) as pod:
        uuid = stopped(three, pod)
    done = three(command, "--grace-period=0s") if command == "gc" else three("rm", uuid)

    assert (done.status, done.err.count("network")) == (0, 0), done
    assert nothing_remains()


def test_nothing_goes_while_the_pod_runs(three: Netted) -> None:
    with up(three) as pod:
        before = sorted(remains())
        three.ok("gc", "--grace-period=0s")
        assert three("rm", pod.uuid).status != 0
        assert sorted(remains()) == before


def test_a_pod_whose_nspawn_was_killed(three: Netted) -> None:
    with up(three) as pod:
        pod.process.kill()
        pod.end()
        three.ok("status", "--wait=30s", pod.uuid)
    three.ok("gc", "--grace-period=0s")

    assert nothing_remains()


def test_a_pod_whose_namespace_lost_its_name(three: Netted) -> None:
    with up(three) as pod:
        no_namespace(pod.uuid)
        uuid = stopped(three, pod)
    done = three("rm", uuid)

    assert (done.status, done.err) == (0, "")
    assert nothing_remains()


def test_a_reboot(three: Netted) -> None:
    with up(three) as pod:
        uuid = stopped(three, pod)
    no_namespace(uuid)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    subprocess.run(["ip", "link", "delete", "rkt1"], check=True)
    shutil.rmtree("/run/rktpy/net", ignore_errors=True)
    done = three("gc", "--grace-period=0s")

    assert (done.status, done.err.count("network")) == (0, 0), done
    assert nothing_remains()


def test_a_network_that_is_configured_no_more(three: Netted) -> None:
    """What was copied into the pod's directory counts."""
    with up(three) as pod:
        stopped(three, pod)
    shutil.rmtree(three.local)
    three.ok("gc", "--grace-period=0s")

    assert nothing_remains()


def test_a_configuration_that_somebody_broke_costs_that_network_only(three: Netted) -> None:
    with up(three) as pod:
        uuid = stopped(three, pod)
    (copy,) = three.data.glob(f"pods/*/{uuid}/net/b.conf")
    copy.write_text("{")
    done = three("gc", "--grace-period=0s")

    assert "b.conf" in done.err
    assert three.pods() == []
    left = remains()
    assert [os.path.dirname(one) for one in left if "/" in one] == ["/var/lib/cni/networks/b"]
    assert [one for one in left if one.startswith(("cni-", "table"))] == []
    shutil.rmtree("/var/lib/cni/networks/b")


@pytest.mark.parametrize("content", ["", "\0\0\0"], ids=["empty", "zeros"])
def test_a_lease_that_somebody_damaged_goes_with_its_pod(net: Netted, content: str) -> None:
    lease = Path("/var/lib/cni/networks/default/172.16.28.2")
    with net.start("run", *STAY) as pod:
        pod.ready()
        lease.write_text(content)
        second = net.run(SHELL, "--", "busybox ip -4 -o addr show eth0")
        stopped(net, pod)
    net.ok("gc", "--grace-period=0s")

    assert "172.16.28.3/24" in second.out
    assert nothing_remains()
