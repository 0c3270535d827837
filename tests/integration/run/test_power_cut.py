"""The power is cut at any step of a command: gc leaves nothing of it, and all goes on.

The process is killed at the step, and its disk forgets what was not written. What a cut costs
pods that run, with their networks and journals, is in ``tests/vm/test_power_cut.py``.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.killing import kill_at, record, spread, tree_of
from tests.integration.run.rk import Rktpy, until
from tests.integration.run.test_killed import SCRIPT, show, verify
from tests.support import leaks
from tests.support.power import powered_disk
from tests.support.sandbox import reap_orphans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.integration.run.killing import Moment
    from tests.support.power import PoweredDisk

GC = ("gc", "--grace-period=0s", "--expire-prepared=0s")
OTHER = "example.com/other"
RUN = ("run", "--net=none", "--private-users", "--pod-name=web", SHELL, "--", SCRIPT)


class Cuts:
    """Kills a command and cuts the power; looks at what the commands ``after`` it leave."""

    def __init__(self, disk: PoweredDisk, rkt: Rktpy, *, names: bool) -> None:
        self._disk = disk
        self._rkt = rkt
        self.names = names
        self._cost: Counter[str] = Counter()  # by file name: what was lost in all
        self._others = leaks.descendants(os.getpid())  # of tests before: an agent, a registry

    def at(
        self,
        moments: Sequence[Moment],
        argv: Sequence[str],
        trace: Path,
        *,
        before: Callable[[], object] = lambda: None,
        kill: Callable[[Moment, Sequence[str], Path], bool] = kill_at,
        look: Callable[[], Sequence[str]] = lambda: (),
        after: Sequence[Sequence[str]] = (GC,),
        lost: str = "manifest",
    ) -> None:
        """Cut at each of ``moments``, which ``argv`` comes to; fail if anything is wrong then.

        ``look`` tells what is wrong right after a cut; ``lost`` is a file that one of them, or
        one before, cost.
        """
        self._disk.sync()
        inside = set(tree_of(self._rkt.data))
        problems = []
        for number, moment in enumerate(moments, 1):
            before()
            assert kill(moment, argv, trace), moment
            cost = self._cut()
            found = [*verify(self._rkt), *look()]
            commands = [("list",), ("image", "list"), *after]
            found += [f"{c}: {done}" for c in commands if (done := self._rkt(*c)).status]
            found += [f"left or lost: {path}" for path in inside ^ set(tree_of(self._rkt.data))]
            show(number, moment, f"{cost:3} {'; '.join(found[:3]) or 'clean'}")
            problems += [f"{moment}: {problem}" for problem in found]
        assert problems[:10] == []
        assert not lost or self._cost[lost], (
            f"no cut came before {lost} was on the disk: {self._cost}"
        )

    def _cut(self) -> int:
        """Cut the power; return how many files were emptied, or made or removed in vain."""
        until(self._nothing_lives, "end of what the killed process had forked")
        before = tree_of(self._rkt.data)
        self._disk.cut(names=self.names)
        _forget_cgroups()
        after = tree_of(self._rkt.data)
        emptied = [path for path in before if before[path] and after.get(path) == 0]
        lost = emptied if self.names else before.keys() ^ after.keys()
        self._cost.update(map(os.path.basename, lost))
        return len(lost)

    def _nothing_lives(self) -> bool:
        reap_orphans()
        return leaks.descendants(os.getpid()) <= self._others


def _forget_cgroups() -> None:
    """Remove the cgroups of pods, of which a boot leaves none either."""
    for root in leaks.own_cgroups():
        for where, folders, _ in os.walk(root, topdown=False):
            for name in folders:
                os.rmdir(f"{where}/{name}")


@pytest.fixture
def disk(_own_namespaces: None, tmp_path: Path) -> Iterator[PoweredDisk]:
    with powered_disk(tmp_path) as disk:
        yield disk


@pytest.fixture
def rkt(disk: PoweredDisk, image_files: dict[str, Path]) -> Iterator[Rktpy]:
    """A data directory on the disk, with stage1 and one image, that has run a pod."""
    rkt = Rktpy(disk.path / "data")
    rkt.ok("fetch", image_files["shell"])
    assert rkt(*RUN).status == 3
    assert rkt.collect().status == 0
    yield rkt
    assert rkt.collect().status == 0
    assert rkt.pods() == []


@pytest.fixture(params=["only names", "nothing more"])
def cuts(request: pytest.FixtureRequest, disk: PoweredDisk, rkt: Rktpy) -> Cuts:
    """Cuts after which names are there and content is not; cuts that leave what was synced."""
    return Cuts(disk, rkt, names=request.param == "only names")


def test_run_is_cut_at_twenty_moments(rkt: Rktpy, cuts: Cuts, tmp_path: Path) -> None:
    argv, trace = rkt.argv(*RUN), tmp_path / "trace"
    moments = [m for m in record(argv, trace) if str(rkt.data) in m.text or m.call == "execve"]
    rkt.collect()

    cuts.at(spread(moments, 20), argv, trace)

    assert rkt(*RUN).status == 3


@pytest.mark.parametrize("option", ["--no-overlay=false", "--no-overlay"])
def test_prepare_is_cut_at_a_dozen_moments(
    rkt: Rktpy, cuts: Cuts, tmp_path: Path, option: str
) -> None:
    argv, trace = rkt.argv("prepare", option, "--pod-name=web", SHELL), tmp_path / "trace"
    moments = record(argv, trace)
    rkt.collect()

    cuts.at(spread(moments, 12), argv, trace)

    assert rkt(*RUN).status == 3


def test_fetch_is_cut_at_a_dozen_moments(rkt: Rktpy, cuts: Cuts, tmp_path: Path) -> None:
    argv, trace = rkt.argv("fetch", shell_aci(tmp_path / "other.aci", OTHER)), tmp_path / "trace"
    forget = (("fetch", argv[-1]), ("image", "rm", OTHER), ("image", "gc"))
    moments = record(argv, trace)
    for command in forget:
        rkt.ok(*command)

    cuts.at(spread(moments, 12), argv, trace, after=forget)


def test_gc_is_cut_at_a_dozen_moments(rkt: Rktpy, cuts: Cuts, tmp_path: Path) -> None:
    def fill() -> None:
        rkt.prepare("--no-overlay", SHELL)
        rkt(*RUN)

    argv, trace = rkt.argv(*GC), tmp_path / "trace"
    fill()
    moments = record(argv, trace)

    cuts.at(spread(moments, 12), argv, trace, before=fill)


def test_what_was_fetched_and_prepared_is_whole(
    rkt: Rktpy, disk: PoweredDisk, cuts: Cuts, tmp_path: Path
) -> None:
    rkt.ok("fetch", shell_aci(tmp_path / "other.aci", OTHER))
    disk.cut(names=cuts.names)
    assert rkt.ok("image", "verify", OTHER)
    uuid = rkt.prepare(OTHER, "--", "exit 5")
    disk.cut(names=cuts.names)
    assert rkt("run-prepared", "--net=none", uuid).status == 5
