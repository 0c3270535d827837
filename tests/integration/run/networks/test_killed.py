"""kill -9 of ``run`` or ``gc`` at any step, with networks: gc leaves nothing of it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL
from tests.integration.run.killing import Ground, choose, kill_at, record, spread
from tests.integration.run.netted import Netted, forget_bridges, nothing_remains, remains
from tests.integration.run.rk import until
from tests.integration.run.test_killed import show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.integration.run.killing import Moment

SCRIPT = "sleep 0.3; exit 3"
NETS = ("--net=default", "--net=b")


def bridged(net: Netted) -> Netted:
    """Give it a second network, a bridge that is there already."""
    net.configure("b", type="bridge", bridge="rkt1", isGateway=True,
                  ipam={"type": "host-local", "subnet": "10.79.0.0/24"})  # fmt: skip
    assert net.run(*NETS, SHELL, "--", SCRIPT).status == 3
    assert net.collect().status == 0
    until(lambda: not remains(), "end of the first pod")
    return net


def kill_all(
    net: Netted,
    argv: Sequence[str],
    moments: Sequence[Moment],
    trace: Path,
    before: Callable[[], object] = lambda: None,
) -> None:
    ground = Ground(net)
    problems, late = [], []
    for number, moment in enumerate(moments, 1):
        before()
        if not kill_at(moment, argv, trace):
            late.append(str(moment))
        found = ground.complaints()
        problems += [f"{moment}: {problem}" for problem in found]
        show(number, moment, "; ".join(found[:3]) or "clean")
    assert problems[:10] == []
    assert late == []


def test_run_killed_at_forty_moments(net: Netted, tmp_path: Path) -> None:
    bridged(net)
    argv = net.argv("run", *NETS, SHELL, "--", SCRIPT)
    moments = record(argv, tmp_path / "trace")
    net.collect()
    chosen = choose(moments, 40)

    kill_all(net, argv, chosen, tmp_path / "trace")

    assert net.run(*NETS, SHELL, "--", SCRIPT).status == 3
    forget_bridges()


def test_gc_killed_while_it_takes_networks_back(net: Netted, tmp_path: Path) -> None:
    bridged(net)

    def fill() -> None:
        assert net.run(*NETS, SHELL, "--", "exit 3").status == 3

    argv = net.argv("gc", "--grace-period=0s", "--expire-prepared=0s")
    fill()
    moments = record(argv, tmp_path / "trace")
    networks = [m for m in moments if any(word in m.text for word in ("/cni", "netns", "/net/"))]
    assert len(networks) > 4
    chosen = {str(moment): moment for moment in [*networks, *spread(moments, 6)]}

    kill_all(net, argv, list(chosen.values()), tmp_path / "trace", before=fill)


@pytest.mark.parametrize(
    ("call", "number"), [("setns", 2), *(("sendto", n) for n in range(2, 13, 2))]
)
def test_a_helper_that_is_killed_fails_the_run_which_leaves_nothing(
    net: Netted, tmp_path: Path, call: str, number: int
) -> None:
    """Before nspawn starts nobody else gets that far with these calls: orders to the kernel. The
    first of each may be the pod's, when it takes back what the helper has left."""
    argv = net.argv("run", SHELL, "--", "echo started")
    kill = f"--inject={call}:signal=KILL:when={number}"
    strace = ["strace", "--follow-forks", "--quiet=all", f"--output={tmp_path}/trace", kill]
    done = subprocess.run(
        [*strace, f"--trace={call}", "--", *argv], capture_output=True, text=True, check=False
    )

    assert done.returncode == 254, done
    assert "failed to setup network" in done.stderr
    assert "started" not in done.stdout
    assert net.pods() == []
    assert nothing_remains()
