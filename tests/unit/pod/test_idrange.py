"""The ids of the host that pods in user namespaces get; locks and links are real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rktpy.layout import Layout
from rktpy.pod import idrange
from rktpy.pod.idrange import COUNT, IdRangeError, give_back, read_range, take_range
from rktpy.pod.lifecycle import Pod, create
from rktpy.pod.phase import Phase

GONE = "0f746094-3438-42bc-ab37-3cf85f132e60"
SLOTS = (idrange.HIGHEST - idrange.LOWEST) // COUNT + 1


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(f"{tmp_path}/data")


@pytest.fixture
def etc(tmp_path: Path) -> str:
    """Accounts of a host that leave one range free: the second."""
    directory = tmp_path / "etc"
    directory.mkdir()
    second = idrange.LOWEST + COUNT
    rest = idrange.LOWEST + 2 * COUNT
    (directory / "passwd").write_text(f"far:x:{idrange.LOWEST + 5}:1::/:/bin/sh\nbroken\n:::\n")
    (directory / "group").write_text(f"huge:x:{idrange.HIGHEST + COUNT - 1}:\n")
    (directory / "subuid").write_text(
        f"none:{second}:0\nme:100000:65536\nyou:{rest}:{COUNT * (SLOTS - 3)}\n\n"
    )
    assert second + COUNT == rest
    return str(directory)


def links(layout: Layout) -> dict[str, str]:
    return {path.name: os.readlink(path) for path in Path(layout.id_ranges).iterdir()}


def test_a_range_is_recorded_and_given_back(layout: Layout) -> None:
    with create(layout) as pod:
        found = take_range(pod, etc="/none")

        assert read_range(pod.tree) == found
        assert links(layout) == {str(found.first): pod.uuid}
        assert found.first % COUNT == 0
        assert idrange.LOWEST <= found.first <= idrange.HIGHEST
        pod.move(Phase.RUN)
        give_back(pod)
        give_back(pod)
        assert links(layout) == {}


def test_what_the_host_gave_to_others_is_left_to_them(layout: Layout, etc: str) -> None:
    found = set()
    for _ in range(3):
        with create(layout) as pod:
            found.add(take_range(pod, etc=etc).first)
            give_back(pod)

    assert found == {idrange.LOWEST + COUNT}


@pytest.mark.parametrize(
    ("maps", "free"),
    [
        ("0 0 4294967295\n", SLOTS),
        (f"0 100000 65536\n{idrange.LOWEST + 5} 200000 {3 * COUNT}\n", 2),
        ("0 100000 65536\n", 0),
    ],
)
def test_what_our_own_user_namespace_lacks_is_not_given(
    layout: Layout, tmp_path: Path, maps: str, free: int
) -> None:
    (tmp_path / "uid_map").write_text("0 0 4294967295\n")
    (tmp_path / "gid_map").write_text(maps)
    found = set()
    for _ in range(min(free, 3) + 1):
        try:
            with create(layout) as pod:
                found.add(take_range(pod, etc="/none", proc=str(tmp_path)).first)
        except IdRangeError:
            break

    assert len(found) == min(free, 4)


def test_two_pods_never_share_a_range(layout: Layout, etc: str) -> None:
    with create(layout) as first, create(layout) as second:
        take_range(first, etc=etc)

        with pytest.raises(IdRangeError, match="no range of user ids is free"):
            take_range(second, etc=etc)

        assert read_range(second.tree) is None


def test_the_range_of_a_pod_that_is_gone_is_free(layout: Layout, etc: str) -> None:
    os.makedirs(layout.id_ranges)
    os.symlink(GONE, f"{layout.id_ranges}/{idrange.LOWEST + COUNT}")

    with create(layout) as pod:
        found = take_range(pod, etc=etc)

        assert links(layout) == {str(found.first): pod.uuid}


def test_a_range_that_is_anothers_by_now_is_not_given_back(layout: Layout) -> None:
    with create(layout) as pod:
        found = take_range(pod)
        link = Path(layout.id_ranges, str(found.first))
        link.unlink()
        link.symlink_to(GONE)

        give_back(pod)

        assert links(layout) == {link.name: GONE}


@pytest.mark.parametrize("text", ["", "1", "a:b", "-5:65536", "4294967295:2", "0:65536", "7:0"])
def test_a_damaged_record_is_told(layout: Layout, text: str) -> None:
    with create(layout) as pod:
        Path(pod.tree.private_users_marker).write_text(text)

        with pytest.raises(IdRangeError):
            read_range(pod.tree)
        give_back(pod)  # nothing to go by; the pod can be deleted all the same


def test_a_range_whose_record_a_power_cut_emptied_is_given_back(layout: Layout) -> None:
    with create(layout) as pod, create(layout) as other:
        take_range(pod)
        kept = take_range(other)
        Path(pod.tree.private_users_marker).write_text("")

        give_back(pod)

        assert links(layout) == {str(kept.first): other.uuid}


def test_a_pod_without_a_record_has_no_user_namespace(layout: Layout) -> None:
    assert read_range(Pod(layout, Phase.RUN, GONE).tree) is None


def test_many_at_once_get_different_ranges(layout: Layout, etc: str) -> None:
    all_but_40 = f"you:{idrange.LOWEST + 41 * COUNT}:{COUNT * (SLOTS - 42)}\n"
    Path(etc, "subuid").write_text(all_but_40)

    processes = [fork_and_take(layout, etc, 4) for _ in range(3)]
    statuses = [os.waitpid(process, 0)[1] for process in processes]

    assert statuses == [0] * 3
    assert len(links(layout)) == 12


def fork_and_take(layout: Layout, etc: str, count: int) -> int:
    """Let another process take ``count`` ranges for pods of its own; return its number."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            for _ in range(count):
                with create(layout) as pod:
                    take_range(pod, etc=etc)
            status = 0
        finally:
            os._exit(status)
    return process
