"""Users and groups of an app: the tables of rkt's run_user_group_test and unit tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.appc.app import App
from rktpy.appc.image import ImageManifest
from rktpy.appc.types import Annotation
from rktpy.pod.app.users import (
    MAX_FILE,
    Identity,
    IdentityError,
    resolve_group,
    resolve_identity,
    resolve_user,
    sysusers_text,
    unshift,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def rootfs(tmp_path: Path) -> str:
    """The root of an app with two users and two groups."""
    root = tmp_path / "rootfs"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text(
        "# comment\nroot:x:0:0:root:/root:/bin/sh\nbroken\nuser1:x:1000:100::/:/bin/sh\n"
        "letters:x:abc:1::/:\nhuge:x:99999999999:1::/:\n"
    )
    (root / "etc/group").write_text("root:x:0:\ngroup1:x:100:user1\n")
    (root / "inspect").write_text("")
    return str(root)


def app(user: str, group: str, *gids: int) -> App:
    return App(exec=("/x",), user=user, group=group, supplementary_gids=gids)


def image(own: App | None = None, *, docker: bool = False) -> ImageManifest:
    notes = (Annotation("appc.io/docker/repository", "library/x"),) if docker else ()
    return ImageManifest(name="x", ac_version="0.8.11", app=own, annotations=notes)


def chain(error: BaseException) -> list[str]:
    texts = [str(error)]
    while (cause := error.__cause__) is not None:
        error = cause
        texts.append(str(error))
    return texts


@pytest.mark.parametrize(
    ("user", "group", "uid", "gid"),
    [
        ("0", "0", 0, 0),
        ("200", "0", 200, 0),
        ("0", "300", 0, 300),
        ("user1", "300", 1000, 300),
        ("200", "group1", 200, 100),
        ("user1", "group1", 1000, 100),
        ("root", "root", 0, 0),
        ("4294967294", "1", 4294967294, 1),
    ],
)
def test_numbers_and_names_become_ids(
    rootfs: str, user: str, group: str, uid: int, gid: int
) -> None:
    assert resolve_identity(rootfs, app(user, group), image()) == Identity(uid, gid)


def test_a_path_means_its_owner_and_group(rootfs: str) -> None:
    found = resolve_identity(rootfs, app("/inspect", "/inspect"), image())

    assert found == Identity(os.getuid(), os.getgid())


def test_the_owner_of_a_path_is_shifted_back_into_the_pod(rootfs: str) -> None:
    uid = os.getuid()

    assert resolve_user(rootfs, "/inspect", first_id=uid) == 0


@pytest.mark.parametrize(("number", "inside"), [(100005, 5), (100000, 0), (7, 7)])
def test_owners_on_the_host_are_owners_in_the_pod(number: int, inside: int) -> None:
    assert unshift(number, 100000) == inside


def test_a_link_counts_itself_and_leads_nowhere_outside(rootfs: str, tmp_path: Path) -> None:
    os.symlink("/nonexistent", rootfs + "/link")
    (tmp_path / "outside").write_text("")
    os.symlink("../..", rootfs + "/up")

    assert resolve_user(rootfs, "/link") == os.getuid()
    with pytest.raises(IdentityError, match="no such file or directory"):
        resolve_user(rootfs, "/up/outside")


def test_supplementary_groups_are_numbers_as_given(rootfs: str) -> None:
    found = resolve_identity(rootfs, app("0", "0", 400, 500, 1200), image())

    assert found.supplementary_gids == (400, 500, 1200)


@pytest.mark.parametrize(
    ("user", "group", "texts"),
    [
        (
            "user2",
            "0",
            ['failed to configure user "user2"', '"user2" user not found'],
        ),
        (
            "0",
            "group2",
            ['failed to configure group "group2"', '"group2" group not found'],
        ),
        (
            "/etc/nofile",
            "0",
            [
                'failed to configure user "/etc/nofile"',
                "lstat /etc/nofile: no such file or directory",
            ],
        ),
        ("-1", "0", ['failed to configure user "-1"', "Invalid uid or gid"]),
        ("0", "4294967295", ['failed to configure group "4294967295"', "Invalid uid or gid"]),
        ("huge", "0", ['failed to configure user "huge"', "Invalid uid or gid"]),
        (
            "letters",
            "0",
            ['failed to configure user "letters"', '/etc/passwd has no number for "letters"'],
        ),
    ],
)
def test_what_means_nobody_is_refused_in_rkts_words(
    rootfs: str, user: str, group: str, texts: list[str]
) -> None:
    with pytest.raises(IdentityError) as caught:
        resolve_identity(rootfs, app(user, group), image())

    found = chain(caught.value)
    assert found[:3] == ["unable to determine app's uid and gid", *texts]


def test_an_image_without_its_files_knows_no_names(tmp_path: Path) -> None:
    with pytest.raises(IdentityError, match='"web" user not found'):
        resolve_user(str(tmp_path), "web")


def test_the_hosts_files_are_never_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "rootfs/etc").mkdir(parents=True)
    (tmp_path / "passwd").write_text("web:x:5:5::/:\n")
    os.symlink("../../passwd", tmp_path / "rootfs/etc/passwd")

    with pytest.raises(IdentityError, match="not found"):
        resolve_user(str(tmp_path / "rootfs"), "web")


def test_an_endless_file_is_not_read_to_its_end(rootfs: str) -> None:
    os.truncate(rootfs + "/etc/group", MAX_FILE + 1)

    with pytest.raises(IdentityError, match="larger than"):
        resolve_group(rootfs, "group1")


@pytest.mark.parametrize(
    ("own", "asked", "docker", "gid"),
    [
        (app("user1", "user1"), app("user1", "user1"), True, 1000),
        (app("user1", "user1"), app("200", "user1"), True, 200),
        (app("user1", "user1"), app("user1", "user1"), False, None),
        (app("user1", "other"), app("user1", "other"), True, None),
        (app("user1", "user1"), app("user1", "nosuch"), True, None),
        (None, app("user1", "user1"), True, None),
    ],
)
def test_a_docker_images_user_stands_in_for_its_missing_group(
    *, rootfs: str, own: App | None, asked: App, docker: bool, gid: int | None
) -> None:
    if gid is None:
        with pytest.raises(IdentityError):
            resolve_identity(rootfs, asked, image(own, docker=docker))
    else:
        assert resolve_identity(rootfs, asked, image(own, docker=docker)).gid == gid


def test_systemd_gets_a_name_for_every_number() -> None:
    assert sysusers_text(Identity(1000, 100, (7, 100))) == (
        'g gen7 7\n\ng gen100 100\n\nu gen1000 1000 "gen1000"\n'
    )
