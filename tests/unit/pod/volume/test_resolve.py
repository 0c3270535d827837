"""Which volume lands where: rkt's rules of precedence, one by one."""

from __future__ import annotations

import pytest

from rktpy.appc.app import App, MountPoint
from rktpy.appc.image import ImageManifest
from rktpy.appc.pod import Mount, PodManifest, RuntimeApp, RuntimeImage, Volume
from rktpy.appc.types import Annotation
from rktpy.layout import PodTree
from rktpy.pod.volume.resolve import (
    MAX_MOUNTS,
    Resolution,
    ResolvedMount,
    VolumeError,
    check_number,
    clean_path,
    merge_mounts,
    resolve_mounts,
)

TREE = PodTree("/pod")
HOST = Volume.host("data", "/srv")


def resolve(
    *volumes: Volume,
    mounts: tuple[Mount, ...] = (),
    points: tuple[MountPoint, ...] = (),
    docker: bool = False,
    recursive: bool = True,
) -> Resolution:
    app = App(exec=("/x",), user="0", group="0", mount_points=points)
    runtime = RuntimeApp(name="web", image=RuntimeImage(id=None), app=app, mounts=mounts)
    notes = (Annotation("appc.io/docker/repository", "x"),) if docker else ()
    image = ImageManifest(name="x", ac_version="0.8.11", annotations=notes)
    manifest = PodManifest("0.8.11", apps=(runtime,), volumes=volumes)
    return resolve_mounts(manifest, runtime, app, image, tree=TREE, recursive=recursive)


def test_an_explicit_mount_takes_the_pods_volume() -> None:
    found = resolve(HOST, mounts=(Mount("data", "dir1"),))

    assert found == Resolution(
        (
            ResolvedMount(
                volume="data",
                source="/srv",
                target="dir1",
                read_only=False,
                recursive=True,
                kind="host",
            ),
        ),
        (),
    )


def test_a_mounts_own_volume_wins_over_the_pods() -> None:
    own = Volume.host("data", "/own")

    assert resolve(HOST, mounts=(Mount("data", "/d", own),)).mounts[0].source == "/own"


def test_a_mount_point_finds_the_volume_of_its_name() -> None:
    found = resolve(HOST, points=(MountPoint("data", "/d"),))

    assert [(m.volume, m.target, m.implicit) for m in found.mounts] == [("data", "/d", False)]
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("volume", "point", "read_only"),
    [
        (None, False, False),
        (None, True, True),
        (False, True, False),
        (True, False, True),
    ],
)
@pytest.mark.parametrize("explicit", [True, False])
def test_the_volume_overrides_the_mount_point_in_both_directions(
    *, volume: bool | None, point: bool, read_only: bool, explicit: bool
) -> None:
    found = resolve(
        Volume.host("data", "/srv", read_only=volume),
        mounts=(Mount("data", "/elsewhere"),) if explicit else (),
        points=(MountPoint("data", "/d", point),),
    )

    assert found.mounts[0].read_only is read_only


def test_a_covered_mount_point_gets_nothing_more() -> None:
    found = resolve(
        HOST, mounts=(Mount("data", "dir1/"),), points=(MountPoint("other", "/x/../dir1"),)
    )

    assert len(found.mounts) == 1


def test_of_two_mounts_at_one_path_the_first_wins() -> None:
    second = Volume.host("second", "/second")
    found = resolve(HOST, second, mounts=(Mount("data", "/mnt"), Mount("second", "/mnt/")))

    assert [mount.volume for mount in found.mounts] == ["data"]


def test_a_mount_point_without_volume_gets_an_empty_one_and_a_warning() -> None:
    found = resolve(points=(MountPoint("data", "/d", read_only=True),))

    assert found.mounts == (
        ResolvedMount(
            volume="web-data",
            source="/pod/sharedVolumes/web-data",
            target="/d",
            read_only=True,
            recursive=True,
            kind="empty",
            implicit=True,
            mode=0o755,
        ),
    )
    assert found.warnings == (
        'warning: no volume specified for mount point "data", implicitly creating an "empty"'
        " volume. This volume will be removed when the pod is garbage-collected.",
    )


def test_a_docker_images_implicit_volume_is_filled_from_the_image() -> None:
    found = resolve(points=(MountPoint("data", "/d"),), docker=True)

    assert found.mounts[0].seed_from_image
    assert found.warnings[1:] == (
        "Docker converted image, initializing implicit volume with data contained at the mount"
        ' point "data".',
    )


def test_an_explicit_volume_of_a_docker_image_is_not_filled() -> None:
    found = resolve(Volume.empty("data"), points=(MountPoint("data", "/d"),), docker=True)

    assert not found.mounts[0].seed_from_image


def test_an_empty_volume_keeps_its_mode_and_owner() -> None:
    volume = Volume.empty("data", mode="0123", uid=9991, gid=9992)
    found = resolve(volume, mounts=(Mount("data", "/d"),)).mounts[0]

    assert (found.mode, found.uid, found.gid) == (0o123, 9991, 9992)
    assert found.source == "/pod/sharedVolumes/data"


def test_the_flavour_decides_what_a_volume_leaves_open() -> None:
    said = HOST.replace(name="said", recursive=True)
    mounts = (Mount("data", "/a"), Mount("said", "/b"))
    found = resolve(HOST, said, mounts=mounts, recursive=False)

    assert [mount.recursive for mount in found.mounts] == [False, True]


def test_a_mount_of_nothing_is_refused() -> None:
    with pytest.raises(VolumeError, match="could not find volume nosuch"):
        resolve(mounts=(Mount("nosuch", "/d"),))


def test_an_apps_own_mounts_come_before_those_of_all_apps() -> None:
    own, everywhere = Mount("own", "/mnt/"), Mount("all", "/mnt")
    other = Mount("all", "/other")

    assert merge_mounts([own], [everywhere, other]) == (own, other)


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("", "/"),
        ("dir1", "/dir1"),
        ("//a///b/", "/a/b"),
        ("/a/./../../b", "/b"),
        ("/a/..b", "/a/..b"),
    ],
)
def test_paths_are_cleaned_by_their_text(path: str, clean: str) -> None:
    assert clean_path(path) == clean


@pytest.mark.parametrize(("own", "points"), [(MAX_MOUNTS, 1), (0, MAX_MOUNTS + 1)])
def test_too_many_mounts_are_refused(own: int, points: int) -> None:
    mounts = tuple(Mount("data", f"/{n}") for n in range(own))
    ends = tuple(MountPoint(f"p{n}", f"/p{n}") for n in range(points))
    app = App(exec=("/x",), user="0", group="0", mount_points=ends)
    runtime = RuntimeApp(name="web", image=RuntimeImage(id=None), app=app, mounts=mounts)

    with pytest.raises(VolumeError, match=f"pod has {MAX_MOUNTS + 1} mounts"):
        check_number(PodManifest("0.8.11", apps=(runtime,)))


def test_an_empty_volume_may_start_as_the_image_has_it() -> None:
    volume = Volume.parse("data,kind=empty,copy-up=true")

    (mount,) = resolve(volume, mounts=(Mount("data", "/srv"),)).mounts

    assert mount.seed_from_image
