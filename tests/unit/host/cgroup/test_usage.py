"""Figures of control groups from files as the kernel writes them, on each layout."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.host.cgroup.hierarchy import Hierarchy
from rktpy.host.cgroup.usage import Usage, read_usage
from rktpy.layout import Layout
from rktpy.pod.lifecycle import Pod
from rktpy.pod.phase import Phase
from rktpy.pod.state.usage import app_usage, pod_places
from tests.support.pods import a_pod

if TYPE_CHECKING:
    from pathlib import Path

V2 = {
    "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n",
    "memory.current": "10000\n",
    "memory.max": "50000\n",
    "memory.stat": "anon 6000\ninactive_file 4000\n",
    "io.stat": "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=7\n8:16 rbytes=1 wbytes=2\n",
    "pids.current": "3\n",
}
V1 = {
    "cpuacct": {"cpuacct.usage": "1500000\n"},
    "memory": {
        "memory.usage_in_bytes": "10000\n",
        "memory.limit_in_bytes": "50000\n",
        "memory.stat": "inactive_file 1\ntotal_inactive_file 4000\n",
    },
    "blkio": {
        "blkio.throttle.io_service_bytes": "8:0 Read 9\nTotal 9\n",
        "blkio.throttle.io_service_bytes_recursive": (
            "8:0 Read 100\n8:0 Write 22\n8:0 Total 122\n8:16 Read 1\nTotal 123\n"
        ),
    },
    "pids": {"pids.current": "3\n"},
}
ALL = Usage(cpu=1_500_000, memory=6000, memory_limit=50000, read=101, written=22, pids=3)


def written(directory: Path, files: dict[str, str]) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name).write_text(text)
    return os.fspath(directory)


def test_all_figures_come_from_one_cgroup_on_v2(tmp_path: Path) -> None:
    assert read_usage({"": written(tmp_path, V2)}) == ALL


def test_each_figure_comes_from_its_hierarchy_on_v1(tmp_path: Path) -> None:
    places = {key: written(tmp_path / key, files) for key, files in V1.items()}
    joined = places | {"cpu,cpuacct": places.pop("cpuacct")}

    assert read_usage(joined) == ALL


def test_a_hybrid_host_without_accounting_still_tells_time_and_counts_threads(
    tmp_path: Path,
) -> None:
    tree = {"cpu.stat": V2["cpu.stat"], "cgroup.threads": "1\n2\n"}
    top = written(tmp_path, tree)
    written(tmp_path / "below", {"cgroup.threads": "3\n"})

    assert read_usage({"": top}) == Usage(cpu=1_500_000, pids=3)


@pytest.mark.parametrize(
    ("key", "files"),
    [
        ("memory", V1["memory"] | {"memory.limit_in_bytes": f"{2**63 - 4096}\n"}),
        ("", V2 | {"memory.max": "max\n"}),
    ],
)
def test_no_limit_is_none(tmp_path: Path, key: str, files: dict[str, str]) -> None:
    usage = read_usage({key: written(tmp_path, files)})

    assert (usage.memory, usage.memory_limit) == (6000, None)


def test_nothing_read_yet_is_not_unknown(tmp_path: Path) -> None:
    usage = read_usage({"": written(tmp_path, V2 | {"io.stat": ""})})

    assert (usage.read, usage.written) == (0, 0)


@pytest.mark.parametrize("places", [{}, {"": "/no/such"}, {"memory": "/no/such", "pids": "/no"}])
def test_a_cgroup_that_is_gone_has_no_figures(places: dict[str, str]) -> None:
    assert read_usage(places) == Usage()


class TestPlaces:
    """Finding them from the files of a pod."""

    @pytest.fixture
    def pod(self, tmp_path: Path) -> Pod:
        layout = Layout(f"{tmp_path}/data")
        return Pod(layout, Phase.RUN, a_pod(layout))

    @staticmethod
    def hierarchy(tmp_path: Path, key: str) -> Hierarchy:
        point = f"{tmp_path}/{key or 'unified'}"
        return Hierarchy(point, "/", tuple(key.split(",")) if key else (), unified=not key)

    def test_the_supervisor_counts_to_the_pod(self, pod: Pod, tmp_path: Path) -> None:
        written(tmp_path / "unified/system.slice/a.service/payload", {})
        with open(pod.tree.subcgroup, "w", encoding="ascii") as file:
            file.write("system.slice/a.service/payload")

        places = pod_places(pod, [self.hierarchy(tmp_path, "")])

        assert places == {"": f"{tmp_path}/unified/system.slice/a.service"}

    def test_the_record_wins_and_what_is_not_there_is_left_out(
        self, pod: Pod, tmp_path: Path
    ) -> None:
        written(tmp_path / "memory/elsewhere/x.scope", {})
        with open(pod.tree.subcgroup, "w", encoding="ascii") as file:
            file.write("/x.scope/payload")
        with open(pod.tree.cgroups, "w", encoding="ascii") as file:
            file.write("0:memory:/elsewhere/x.scope\n0:pids:/x.scope\n")

        keys = ("memory", "pids", "")
        places = pod_places(pod, [self.hierarchy(tmp_path, key) for key in keys])

        assert places == {"memory": f"{tmp_path}/memory/elsewhere/x.scope"}

    def test_a_pod_without_a_cgroup_is_not_taken_for_the_whole_host(
        self, pod: Pod, tmp_path: Path
    ) -> None:
        written(tmp_path / "unified", V2)

        assert pod_places(pod, [self.hierarchy(tmp_path, "")]) == {}

    def test_an_app_counts_by_itself_where_its_cgroup_has_its_name(self, tmp_path: Path) -> None:
        top = written(tmp_path / "x.scope", V2)
        folder = tmp_path / "x.scope/payload/system.slice/web.service"
        written(folder, {"cpu.stat": "usage_usec 2\n", "cgroup.procs": f"{os.getpid()}\n"})

        usage = app_usage("web", {"": top, "memory": "/no/such"}, ())

        assert usage is not None
        assert (usage.cpu, usage.memory) == (2000, None)
        assert app_usage("other", {"": top}, ()) is None
