"""Users and groups that an image names: looked up in plain files of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.hostile.images import image
from tests.integration.run.test_bad_input import check_refusal
from tests.support import archive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy
    from tests.support.images import Content

ACCOUNTS: dict[str, Content] = {
    "relative": archive.symlink("../" * 20 + "etc/passwd-"),
    "through proc": archive.symlink("/proc/self/root/etc/passwd"),
    "device": archive.symlink("/dev/zero"),
    "loop": archive.symlink("passwd"),
    "fifo": archive.fifo(),
    "directory": archive.directory(),
    "huge": archive.file(b"x" * (17 << 20)),
    "one line": archive.file(b":" * (1 << 20)),
    "bytes": archive.file(bytes(range(256)) * 16),
    "null": archive.device("c", 1, 3),
    "zero": archive.device("c", 1, 5),
}


@pytest.mark.parametrize("option", ["--user=hostuser", "--group=hostuser"])
@pytest.mark.parametrize("trick", ACCOUNTS)
def test_accounts_are_read_from_plain_files_of_the_image(
    rkt: Rktpy, tmp_path: Path, trick: str, option: str
) -> None:
    content = ACCOUNTS[trick]

    done = rkt.run(image(tmp_path, {"/etc/passwd": content, "/etc/group": content}), option)

    check_refusal(done, "unable to determine app's uid and gid", "run")
    assert rkt.pods() == []


def test_accounts_of_the_host_are_not_those_of_the_image(
    rkt: Rktpy, tmp_path: Path, host: Path
) -> None:
    aci = image(tmp_path, {"/etc/passwd": archive.symlink(f"{host}/passwd")})

    done = rkt.run(aci, "--user=hostuser")

    check_refusal(done, '"hostuser" user not found', "run")


def test_numbers_need_no_accounts(rkt: Rktpy, tmp_path: Path) -> None:
    tricks = {"/etc/passwd": archive.fifo(), "/etc/group": archive.symlink("group")}

    done = rkt.run(
        image(tmp_path, tricks), "--user=5", "--group=6", "--", "grep Uid /proc/self/status"
    )

    assert done.lines() == ["Uid:\t5\t5\t5\t5"]


def test_the_owner_of_a_path_is_that_in_the_image(rkt: Rktpy, tmp_path: Path, host: Path) -> None:
    aci = image(tmp_path, {"/out": archive.symlink(str(host))})

    done = rkt.run(aci, "--user=/out/secret")

    check_refusal(done, "no such file or directory", "run")
