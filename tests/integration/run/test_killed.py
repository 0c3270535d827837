"""kill -9 at any step of ``run``, ``prepare``, ``fetch`` or ``gc``: gc leaves nothing of it.

After each kill: no mount, cgroup, process, network namespace, lock file or other file is left,
the store verifies, and at the end everything still works. ``-s`` shows the table of moments.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import RUNTIME_DIR
from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.killing import (
    Ground,
    choose,
    kill_at,
    kill_thread_at,
    record,
    record_thread,
    spread,
)
from tests.integration.run.rk import Rktpy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.integration.run.killing import Moment

SCRIPT = "echo hello; sleep 0.5; exit 3"


@pytest.fixture
def fresh(tmp_path: Path, image_files: dict[str, Path]) -> Iterator[Rktpy]:
    """A data directory of its own, with stage1 and one image, that has run a pod."""
    rkt = Rktpy(tmp_path / "data")
    rkt.ok("fetch", image_files["shell"])
    assert rkt.run(SHELL, "--", "exit 4").status == 4
    assert rkt.collect().status == 0
    yield rkt
    assert rkt.collect().status == 0
    assert rkt.pods() == []


def kill_all(
    rkt: Rktpy,
    argv: Sequence[str],
    moments: Sequence[Moment],
    trace: Path,
    *,
    before: Callable[[], object] = lambda: None,
    kill: Callable[[Moment, Sequence[str], Path], bool] = kill_at,
) -> None:
    """Kill ``argv`` at each of ``moments``; look at what is left each time."""
    ground = Ground(rkt)
    late, problems = [], []
    for number, moment in enumerate(moments, 1):
        before()
        if not kill(moment, argv, trace):
            late.append(str(moment))
        pods = rkt.pods()
        found = ground.complaints()
        found += verify(rkt)
        problems += [f"{moment}: {problem}" for problem in found]
        left = ", ".join(pod.partition("/")[0] for pod in pods) or "no pod"
        show(number, moment, f"{left:18} {'; '.join(found[:3]) or 'clean'}")
    assert problems[:10] == []
    assert late == []  # each kill came before the end


def show(number: int, moment: Moment, result: str) -> None:
    text = re.sub(r'"/tmp/pytest[^"]*/data/?', '"', str(moment))
    text = re.sub(r"([0-9a-f]{4})[0-9a-f-]{16,}", r"\1…", text)
    print(f"{number:3} {text[:100]:100} {result}")  # noqa: T201 - the table, for -s


def verify(rkt: Rktpy) -> list[str]:
    """Return what ``image verify`` complains about, all images given."""
    images = image_ids(rkt)
    done = rkt("image", "verify", *images) if images else None
    return [f"image verify: {done}"] if done and done.status else []


def image_ids(rkt: Rktpy) -> list[str]:
    lines = rkt.ok("image", "list", "--no-legend", "--full").splitlines()
    return [line.split("\t")[0] for line in lines if line]


def test_run_killed_at_fifty_moments(fresh: Rktpy, tmp_path: Path) -> None:
    argv = fresh.argv("run", "--net=none", SHELL, "--", SCRIPT)
    moments = record(argv, tmp_path / "trace")
    fresh.collect()
    chosen = choose(moments, 50)
    assert {moment.call for moment in chosen} >= {"rename", "mount", "unshare", "execve", "clone"}

    kill_all(fresh, argv, chosen, tmp_path / "trace")

    assert fresh.run(SHELL, "--", SCRIPT).status == 3


def test_run_in_a_user_namespace_killed_at_sixteen_moments(fresh: Rktpy, tmp_path: Path) -> None:
    argv = fresh.argv("run", "--net=none", "--private-users", SHELL, "--", SCRIPT)
    moments = record(argv, tmp_path / "trace")
    fresh.collect()
    links = [m for m in moments if "private-users" in m.text and m.call.startswith("symlink")]
    assert links

    kill_all(fresh, argv, links + spread(moments, 15), tmp_path / "trace")

    assert fresh.run("--private-users", SHELL, "--", SCRIPT).status == 3


def test_run_killed_around_the_claim_of_its_name_frees_the_name(
    fresh: Rktpy, tmp_path: Path
) -> None:
    argv = fresh.argv("run", "--net=none", "--pod-name=web", SHELL, "--", SCRIPT)
    moments = record(argv, tmp_path / "trace")
    fresh.collect()
    claimed = next(n for n, m in enumerate(moments) if m.text.endswith('/names/web") = 0'))

    kill_all(fresh, argv, moments[claimed - 5 : claimed + 4], tmp_path / "trace")

    assert fresh.run("--pod-name=web", SHELL, "--", SCRIPT).status == 3


def test_run_that_is_killed_while_it_replaces_a_pod_is_made_good_by_the_next(
    fresh: Rktpy, tmp_path: Path
) -> None:
    words = ("--replace", "--pod-name=web", SHELL, "--", SCRIPT)
    argv = fresh.argv("run", "--net=none", *words)
    fresh.run(*words)
    fresh.collect()  # what a first name leaves for good
    ground = Ground(fresh)
    fresh.run(*words)
    moments = record(argv, tmp_path / "trace")
    claimed = next(n for n, m in enumerate(moments) if m.text.endswith('/names/web") = 0'))
    removing = moments[:claimed]
    assert {"rename", "rmdir"} <= {moment.call for moment in removing}

    for moment in (*choose(removing, 14), *moments[claimed : claimed + 3]):
        assert kill_at(moment, argv, tmp_path / "trace"), moment
        assert fresh.run(*words).status == 3, moment
    assert ground.complaints() == []


def test_run_killed_while_it_says_its_uuid_leaves_the_file_whole_or_absent(
    fresh: Rktpy, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    told.mkdir()
    file = told / "uuid"
    argv = fresh.argv("run", "--net=none", f"--uuid-file-save={file}", SHELL, "--", SCRIPT)
    moments = record(argv, tmp_path / "trace")
    named = next(n for n, moment in enumerate(moments) if str(file) in moment.text)
    around = moments[named - 4 : named + 3]
    assert any(str(told) in moment.text and moment.call == "openat" for moment in around)

    for moment in around:
        file.write_text("of an earlier pod")
        assert kill_at(moment, argv, tmp_path / "trace"), moment
        left = {entry.name: len(entry.read_text()) for entry in told.iterdir()}
        assert left in ({}, {"uuid": 17}, {"uuid": 36}), moment


def test_run_killed_while_a_thread_makes_its_cgroups(fresh: Rktpy, tmp_path: Path) -> None:
    argv = fresh.argv("run", "--net=none", SHELL, "--", SCRIPT)
    moments = record_thread(argv, tmp_path / "threads")
    fresh.collect()
    assert any("/sys/fs/cgroup" in moment.text for moment in moments)

    kill_all(fresh, argv, spread(moments, 6), tmp_path / "trace", kill=kill_thread_at)


def test_the_first_run_killed_at_a_dozen_moments(
    tmp_path: Path, image_files: dict[str, Path]
) -> None:
    def argv(rkt: Rktpy) -> list[str]:
        return rkt.argv("run", "--net=none", image_files["shell"], "--", SCRIPT)

    first = Rktpy(tmp_path / "0")
    moments = record(argv(first), tmp_path / "trace")
    assert first.collect().status == 0

    for number, moment in enumerate(spread(moments, 12), 1):
        rkt = Rktpy(tmp_path / str(number))
        shutil.rmtree(RUNTIME_DIR)  # each is the first since boot: the steps must be the same
        assert kill_at(moment, argv(rkt), tmp_path / "trace"), moment
        assert rkt.collect().status == 0
        assert rkt.pods() == []
        assert verify(rkt) == [], moment
        assert rkt("run", "--net=none", image_files["shell"], "--", SCRIPT).status == 3, moment
        assert rkt.collect().status == 0
        show(number, moment, "clean")


@pytest.mark.parametrize("option", ["--no-overlay=false", "--no-overlay"])
def test_prepare_killed_at_a_dozen_moments(fresh: Rktpy, tmp_path: Path, option: str) -> None:
    argv = fresh.argv("prepare", option, SHELL, "--", SCRIPT)
    moments = record(argv, tmp_path / "trace")
    fresh.collect()

    kill_all(fresh, argv, spread(moments, 12), tmp_path / "trace")

    uuid = fresh.prepare(option, SHELL, "--", SCRIPT)
    assert fresh("run-prepared", "--net=none", uuid).status == 3


def test_fetch_killed_at_a_dozen_moments(fresh: Rktpy, tmp_path: Path) -> None:
    image = shell_aci(tmp_path / "other.aci", "example.com/other")
    argv = fresh.argv("fetch", image)

    def forget() -> None:
        fresh("image", "rm", "example.com/other")
        fresh.ok("image", "gc")

    fresh.ok("fetch", image)  # makes directories that stay
    forget()
    moments = record(argv, tmp_path / "trace")
    forget()
    trace = tmp_path / "trace"
    ground = Ground(fresh, images=True)
    for number, moment in enumerate(spread(moments, 12), 1):
        assert kill_at(moment, argv, trace), moment
        listed = len(image_ids(fresh))
        assert verify(fresh) == [], moment
        assert fresh.ok("fetch", image).strip().startswith("sha512-"), moment
        forget()
        assert ground.complaints() == [], moment
        show(number, moment, f"{listed} images, clean")


def test_gc_killed_at_a_dozen_moments(fresh: Rktpy, tmp_path: Path) -> None:
    def fill() -> None:
        fresh.prepare(SHELL)
        fresh.run(SHELL, "--", "exit 1")
        fresh.prepare("--no-overlay", SHELL)

    argv = fresh.argv("gc", "--grace-period=0s", "--expire-prepared=0s")
    fill()
    moments = record(argv, tmp_path / "trace")

    kill_all(fresh, argv, spread(moments, 12), tmp_path / "trace", before=fill)


def test_run_prepared_killed_while_it_starts_leaves_an_exited_pod(
    fresh: Rktpy, tmp_path: Path
) -> None:
    def argv(uuid: str) -> list[str]:
        return fresh.argv("run-prepared", "--net=none", uuid)

    moments = record(argv(fresh.prepare(SHELL, "--", SCRIPT)), tmp_path / "trace")
    fresh.collect()
    ground = Ground(fresh)

    for moment in spread(moments, 8):
        assert kill_at(moment, argv(fresh.prepare(SHELL, "--", SCRIPT)), tmp_path / "trace")
        assert ground.complaints() == [], moment
