"""What members of the store's group may put into it does not lead root elsewhere, or hold it up.

They may write most directories of the store, so root finds there what they left.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.image.test_commands import Rkt, aci, open_dir, rkt
from tests.support import archive
from tests.support.images import build_aci, image_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["aci", "open_dir", "rkt"]
pytestmark = pytest.mark.integration
GROUP = 4242


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A directory of root that links of members lead to."""
    path = tmp_path / "elsewhere"
    path.mkdir()
    (path / "body").write_text("of the host")
    (path / "body").chmod(0o600)
    return path


@pytest.fixture
def shared(rkt: Rkt, aci: Path) -> Rkt:
    """A store for a group, with an image of root."""
    rkt.data.mkdir()
    os.chown(rkt.data, 0, GROUP)
    rkt.data.chmod(0o2750)
    assert rkt("fetch", str(aci)).returncode == 0
    return rkt


def errno_of_a_member(act: Callable[[], object]) -> int:
    """Do ``act`` as a member of the group; return what the kernel says to it, 0 if it is done."""
    pid = os.fork()
    if not pid:
        said = 255
        try:
            os.setgroups([GROUP])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            act()
            said = 0
        except OSError as error:
            said = error.errno or 255
        finally:
            os._exit(said)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("name", ["tree", "treestorelocks", "layer", "db", "blob", "tmp"])
@pytest.mark.usefixtures("open_dir")
def test_no_member_can_exchange_a_directory_of_the_store(shared: Rkt, name: str) -> None:
    cas = shared.data / "cas"

    said = errno_of_a_member(lambda: os.rename(cas / name, cas / "mine"))

    assert said == errno.EACCES


@pytest.mark.usefixtures("open_dir")
def test_no_member_can_exchange_what_root_is_building(shared: Rkt) -> None:
    tmp = shared.data / "cas/tmp"
    (tmp / "room").mkdir(mode=0o700)

    assert errno_of_a_member(lambda: os.rename(tmp / "room", tmp / "gone")) == errno.EPERM
    assert errno_of_a_member(lambda: (tmp / "room of mine").mkdir()) == 0


@pytest.mark.usefixtures("open_dir")
def test_no_member_can_write_what_root_fetched(shared: Rkt, aci: Path) -> None:
    key = image_key(aci)

    for kind in ("blob", "imageManifest"):
        path = shared.data / "cas" / kind / "sha512" / key[7:9] / key
        assert errno_of_a_member(lambda path=path: path.open("rb").close()) == 0  # type: ignore[misc]
        assert errno_of_a_member(lambda path=path: path.open("rb+")) == errno.EACCES  # type: ignore[misc]


@pytest.mark.parametrize("place", ["download", "tmp", "imagelocks", "treestorelocks"])
def test_collecting_follows_no_link(shared: Rkt, elsewhere: Path, place: str) -> None:
    (shared.data / "cas" / place / "link").symlink_to(elsewhere)
    (shared.data / "cas" / place / "file link").symlink_to(elsewhere / "body")

    done = shared("image", "gc", "--grace-period=0s")

    assert done.returncode == 0, done
    assert (elsewhere / "body").read_text() == "of the host"
    assert (elsewhere / "body").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("file", ["db/images.json", "db/index.sqlite"])
def test_a_pipe_in_the_store_holds_nobody_up(shared: Rkt, file: str) -> None:
    path = shared.data / "cas" / file
    path.unlink()
    os.mkfifo(path)

    done = shared("image", "list")

    assert done.returncode == 0, done
    assert "example.com/inspect" in done.stdout


def test_a_lock_that_is_a_link_changes_nothing_it_leads_to(
    shared: Rkt, aci: Path, elsewhere: Path
) -> None:
    lock = shared.data / "cas/imagelocks" / image_key(aci)
    lock.unlink(missing_ok=True)
    lock.symlink_to(elsewhere / "body")

    done = shared("image", "rm", image_key(aci))

    assert done.returncode == 254
    assert (elsewhere / "body").stat().st_mode & 0o777 == 0o600


def test_rendered_copies_keep_links(rkt: Rkt, tmp_path: Path) -> None:
    path = build_aci(
        tmp_path / "kept.aci",
        files={
            "/a": archive.file(b"one"),
            "/b": archive.hardlink("rootfs/a"),
        },
    )
    assert rkt("fetch", str(path)).returncode == 0

    assert rkt("image", "render", image_key(path), str(tmp_path / "out")).returncode == 0

    assert (tmp_path / "out/rootfs/a").samefile(tmp_path / "out/rootfs/b")
