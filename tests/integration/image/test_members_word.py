"""What members of the store's group say of signatures, and what root believes of it."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.images import image_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration
NAMED = ("fetch", "--pull-policy=never", "example.com/app")


def claim(rkt: Fetcher) -> None:
    """Write into the index, as any member can, that every image was verified."""
    database = rkt.data / "cas/db"
    with sqlite3.connect(database / "index.sqlite") as db:
        db.execute("UPDATE image SET verified_by='0123456789ABCDEF'")
    db.close()
    (database / "images.json").unlink()


def test_the_index_alone_does_not_make_an_image_verified(rkt: Fetcher, aci: Path) -> None:
    key = rkt.ok("--insecure-options=image", "fetch", aci)
    claim(rkt)

    refused = rkt(*NAMED)

    assert refused.status == 254
    assert "it is stored but root has not verified it" in refused.err
    assert "rktpy fetch example.com/app" in refused.err
    assert rkt("--insecure-options=image", *NAMED).out == key


def test_an_image_without_a_record_is_verified_once_more(
    rkt: Fetcher, keys: Keys, aci: Path
) -> None:
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    keys.sign("key1", aci)
    key = rkt.ok("fetch", aci)
    full = image_key(aci)
    record = rkt.data / "cas/verified" / full
    assert record.read_text() == f"{full} {keys.fingerprints['key1']}\n"
    record.unlink()  # as an earlier version, or a member, left it

    assert rkt(*NAMED).status == 254
    rkt.ok("fetch", aci)
    assert rkt.ok(*NAMED) == key


@pytest.mark.parametrize("trick", ["link", "foreign", "open", "other"])
def test_a_record_that_root_did_not_write_is_none(rkt: Fetcher, aci: Path, trick: str) -> None:
    rkt.ok("--insecure-options=image", "fetch", aci)
    claim(rkt)
    key, verified = image_key(aci), rkt.data / "cas/verified"
    made = rkt.data / "made" if trick == "link" else verified
    made.mkdir()
    (made / key).write_text(f"{'other' if trick == 'other' else key} 0123456789ABCDEF\n")
    if trick == "link":
        verified.symlink_to(made)
    if trick == "foreign":
        verified.chmod(0o755)
        os.chown(verified, 65534, 65534)
    if trick == "open":
        verified.chmod(0o775)

    assert rkt(*NAMED).status == 254


@pytest.mark.parametrize("words", [("image", "rm"), ("image", "gc")])
def test_a_record_goes_with_its_image(
    rkt: Fetcher, keys: Keys, aci: Path, words: tuple[str, str]
) -> None:
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    keys.sign("key1", aci)
    rkt.ok("fetch", aci)
    verified, key = rkt.data / "cas/verified", image_key(aci)
    kept = (verified / key).read_text()

    rkt.ok("image", "rm", key)
    assert list(verified.iterdir()) == []
    if words[1] == "gc":
        (verified / key).write_text(kept)  # killed before the row was written
        rkt.ok("image", "gc")
        assert list(verified.iterdir()) == []
