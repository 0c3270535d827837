"""However a pod ends, its leases, links, rules and namespace go with ``gc`` or ``rm``."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rktpy.host.lock import lock_dir
from rktpy.host.netlink.conntrack import UDP, flows
from rktpy.net.attach import detach
from rktpy.net.upkeep import Standing, restore
from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.netted import nothing_remains, remains, tables
from tests.integration.run.rk import until
from tests.support.wires import HOST4

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_clients_of_a_udp_port_are_forgotten_with_the_pod(net: Netted, tmp_path: Path) -> None:
    port = {"name": "dns", "protocol": "udp", "port": 53, "count": 1, "socketActivated": False}
    net.ok("fetch", shell_aci(tmp_path / "dns.aci", "example.com/dns", app={"ports": [port]}))
    words = ("run", "--port=dns:8053", "example.com/dns", "--", "echo up; exec sleep 1000")
    send = f"echo ? >/dev/udp/{HOST4}/8053"
    with net.start(*words) as pod:
        pod.ready()
        subprocess.run(["ip", "netns", "exec", "outside", "bash", "-c", send], check=True)
        before = [flow.answered.source for flow in flows(UDP)]
        stopped(net, pod)
    net.ok("gc", "--grace-period=0s")

    assert ("172.16.28.2" in before, flows(UDP)) == (True, ())


@contextmanager
def replaced(program: str, by: str) -> Iterator[None]:
    """Have ``by`` stand where the host's ``program`` is."""
    found = shutil.which(program)
    assert found is not None
    place = os.path.realpath(found)
    subprocess.run(["mount", "--bind", by, place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def rules_of_iptables() -> list[str]:
    text = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    return [line for line in text.splitlines() if "CNI-" in line or "RKT-" in line]


def test_a_firewall_that_fails_while_a_pod_leaves_is_asked_again(net: Netted) -> None:
    with replaced("nft", "/dev/null"), net.start("run", *STAY) as pod:
        pod.ready()
        stopped(net, pod)
    with replaced("iptables-restore", "/bin/false"):
        first, second = net.collect(), net.collect()
    left = rules_of_iptables()

    third = net.collect()

    assert ("cannot list the rules" in first.err, net.pods(), bool(left)) == (True, [], True)
    assert "which is gone: cannot list the rules" in second.err
    assert (third.err, rules_of_iptables()) == ("", [])
    subprocess.run(["nft", "flush", "ruleset"], check=True)  # what is left of empty chains
    assert nothing_remains()


@pytest.mark.parametrize("named", [True, False])
def test_a_pod_of_another_network_namespace_leaves_that(net: Netted, *, named: bool) -> None:
    """As that of a unit with ``NetworkNamespacePath=`` or ``PrivateNetwork=``: gc is outside."""
    with namespace(named=named) as place:

        def there(*argv: str) -> str:
            words = ["nsenter", f"--net={place}", *argv]
            return subprocess.run(words, capture_output=True, text=True, check=True).stdout

        there(*net.argv("run", SHELL, "--", "true"))
        before = there("nft", "list", "tables")
        done = net.collect()
        after = there("nft", "list", "tables")

    assert (before.count("rkt-"), done.status, done.err.count("network"), after) == (1, 0, 0, "")
    assert nothing_remains()


@contextmanager
def namespace(*, named: bool) -> Iterator[str]:
    """Another network namespace: with a name, or as long as a process is in it."""
    if named:
        subprocess.run(["ip", "netns", "add", "blue"], check=True)
        yield "/run/netns/blue"
        subprocess.run(["ip", "netns", "delete", "blue"], check=True)
        return
    argv = ["unshare", "--net", "sh", "-c", "echo; exec cat"]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "\n"
        yield f"/proc/{process.pid}/ns/net"
        process.communicate()


def test_a_pod_whose_rules_cannot_come_back_keeps_no_other_from_its_own(
    net: Netted, tmp_path: Path
) -> None:
    port = {"name": "web", "protocol": "tcp", "port": 80}
    image = shell_aci(tmp_path / "web.aci", "example.com/web", app={"ports": [port]})
    words = (image, "--", "exec sleep 1000")
    with ExitStack() as stack:
        pods = [stack.enter_context(net.start("run", f"--port=web:{n}", *words)) for n in (81, 82)]
        first, second = sorted(pod.ready() for pod in pods)
        (claim,) = Path("/run/rktpy/net/loopback").glob(f"ipv4/*/{first}")
        claim.unlink()
        claim.mkdir()
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        told = net.collect().err
        found = tables()
        claim.rmdir()
        for pod in pods:
            stopped(net, pod)

    assert f"pod {first}: cannot bring back its rules: cannot set up the firewall" in told
    assert f"pod {second}: brought back its rules" in told
    assert found == [f"table inet rkt-{second}"]


def test_rules_that_come_back_in_part_to_a_pod_that_has_ended_go_again(net: Netted) -> None:
    """As when it ends while ``gc`` restores them, and who collected it does not come again."""
    pod = up_alone(net)
    directory = str(net.data / f"pods/run/{stopped(net, pod)}")
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    forward = Path("/proc/sys/net/ipv4/ip_forward")
    forward.write_text("0")
    subprocess.run(["mount", "--bind", "-o", "ro", forward, forward], check=True)
    try:
        restored = list(restore([Standing(pod.uuid, directory)]))
    finally:
        subprocess.run(["umount", forward], check=True)

    assert restored == [(pod.uuid, None)]
    assert tables() == []


def up_alone(net: Netted) -> Running:
    pod = net.start("run", "--net=default", *STAY)
    pod.ready()
    return pod


def test_who_finds_a_network_full_waits_for_a_pod_that_gc_is_taking_out(net: Netted) -> None:
    ipam = {"type": "host-local", "subnet": "10.77.0.0/30"}  # one address beside the gateway
    net.configure("tiny", type="ptp", ipam=ipam)
    words = ("run", "--net=tiny", SHELL, "--")
    assert net(*words, "true").status == 0
    net.ok("gc", "--mark-only")
    (pod,) = net.data.glob("pods/exited-garbage/*")

    with ExitStack() as gc:
        gc.enter_context(lock_dir(str(pod)))
        with net.start(*words, "busybox ip -4 -o addr show eth0") as second:
            until(lambda: is_waited_for(pod) or second.process.poll() is not None, "its waiting")
            assert detach(str(pod), pod.name, os.environ) == ()
            gc.close()
            done = second.end()

    assert "inet 10.77.0.2/30" in done.out, done


def is_waited_for(directory: Path) -> bool:
    mark = f":{directory.stat().st_ino} "
    lines = Path("/proc/locks").read_text().splitlines()
    return any("-> FLOCK" in line and mark in line for line in lines)
