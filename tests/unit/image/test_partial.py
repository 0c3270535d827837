"""Downloads under way lie where all members of the store's group may put things."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.image.partial import ForeignPartialError, Validator, open_partial, sweep

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://example.com/app.aci"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the download of ``URL`` belongs."""
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    open_partial(str(downloads), URL).close()
    (path,) = downloads.iterdir()
    return path


def test_what_others_can_change_is_not_gone_on_with(place: Path) -> None:
    place.chmod(0o770)

    with pytest.raises(ForeignPartialError, match=f"somebody else made {place}"):
        open_partial(str(place.parent), URL)


@pytest.mark.parametrize("to", ["directory", "file", "nothing"])
def test_a_link_in_its_place_is_not_followed(tmp_path: Path, place: Path, to: str) -> None:
    place.rename(tmp_path / "directory")
    (tmp_path / "file").touch()
    place.symlink_to(tmp_path / to)

    with pytest.raises((ForeignPartialError, OSError)):
        open_partial(str(place.parent), URL)
    assert (tmp_path / "file").read_bytes() == b""


def test_what_is_removed_is_what_was_opened(tmp_path: Path, place: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "body").write_text("of the host")
    with open_partial(str(place.parent), URL) as partial:
        partial.restart(Validator())
        place.rename(tmp_path / "moved")
        place.symlink_to(elsewhere)

        with pytest.raises(OSError, match="directory"):
            partial.discard()

    assert os.listdir(elsewhere) == ["body"]
    assert os.listdir(tmp_path / "moved") == []


def test_strange_things_do_not_stop_the_sweep(tmp_path: Path, place: Path) -> None:
    downloads = place.parent
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "of the host").touch()
    (downloads / "file").touch()
    os.mkfifo(downloads / "pipe")
    (downloads / "link").symlink_to(elsewhere)
    (place / "directory").mkdir()
    (place / "inner").symlink_to(elsewhere)

    sweep(str(downloads), -1)

    assert sorted(os.listdir(downloads)) == ["file", "link", "pipe"]
    assert os.listdir(elsewhere) == ["of the host"]
