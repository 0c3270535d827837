"""Which keys count for which names: rkt's truth table and what it got wrong."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from rktpy.appc.types import ACIdentifier
from rktpy.image.trust.keystore import Keystore, KeystoreError
from rktpy.image.trust.openpgp import read_key
from tests.unit.image.trust.keys import Signer, store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def signers() -> dict[str, Signer]:
    names = ("app", "services", "nginx", "coreos", "acme")
    return {name: Signer(f"{name} <{name}@example.com>") for name in names}


@pytest.fixture
def keystore(tmp_path: Path, signers: dict[str, Signer]) -> Keystore:
    """rkt's example: four keys of the host, one of the vendor that the host masks."""
    vendor, host = tmp_path / "usr", tmp_path / "etc"
    signers["app"].trusted(host, "prefix.d/example.com/app")
    signers["services"].trusted(host, "prefix.d/acme.com/services")
    signers["nginx"].trusted(host, "prefix.d/acme.com/services/web/nginx")
    signers["coreos"].trusted(host, "root.d")
    signers["acme"].trusted(vendor, "root.d")
    store(host, "root.d", signers["acme"].fingerprint, b"")
    return Keystore((str(vendor), str(host)))


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("coreos.com/etcd", "coreos"),
        ("example.com/app", "app coreos"),
        ("example.com/app/below", "app coreos"),
        ("example.com/apple", "coreos"),  # rkt compared letters, not components
        ("acme.com/services/web/nginx", "services nginx coreos"),
        ("acme.com/services/web/auth", "services coreos"),
        ("acme.com/servicesx/web", "coreos"),
        ("acme.com/etcd", "coreos"),
        ("acme.com/services/web", "services coreos"),
    ],
)
def test_a_name_is_signed_by_keys_of_its_prefixes_and_of_the_root(
    keystore: Keystore, signers: dict[str, Signer], name: str, accepted: str
) -> None:
    found = {key.fingerprint for key in keystore.keyring(name)}

    assert found == {signers[who].fingerprint for who in accepted.split()}


def test_an_empty_file_masks_a_root_key_below_a_prefix_only(
    tmp_path: Path, signers: dict[str, Signer]
) -> None:
    signers["app"].trusted(tmp_path, "root.d")
    store(tmp_path, "prefix.d/example.com", signers["app"].fingerprint, b"")
    keystore = Keystore((str(tmp_path / "none"), str(tmp_path)))

    assert keystore.keyring("example.com/app") == ()
    assert len(keystore.keyring("example.org/app")) == 1


def test_a_prefix_key_counts_though_its_root_twin_is_masked(
    tmp_path: Path, signers: dict[str, Signer]
) -> None:
    signers["app"].trusted(tmp_path, "prefix.d/example.com")
    store(tmp_path, "root.d", signers["app"].fingerprint, b"")

    assert len(Keystore((str(tmp_path), str(tmp_path))).keyring("example.com/app")) == 1


def test_the_host_masks_the_vendors_prefix_key(tmp_path: Path, signers: dict[str, Signer]) -> None:
    vendor, host = tmp_path / "usr", tmp_path / "etc"
    signers["app"].trusted(vendor, "prefix.d/example.com")
    store(host, "prefix.d/example.com", signers["app"].fingerprint, b"")
    keystore = Keystore((str(vendor), str(host)))

    assert keystore.keyring("example.com/app") == ()


def test_a_file_called_otherwise_than_its_key_stops_everything(
    tmp_path: Path, signers: dict[str, Signer]
) -> None:
    store(tmp_path, "root.d", "0" * 40, signers["app"].public)

    with pytest.raises(
        KeystoreError, match=f'fingerprint mismatch: "{"0" * 40}":"[0-9a-f]'
    ) as said:
        Keystore((str(tmp_path), "/none")).keyring("example.com/app")
    assert said.value.hint is not None
    assert str(tmp_path) in said.value.hint


def test_a_file_that_is_no_key_stops_everything_and_is_named(tmp_path: Path) -> None:
    path = store(tmp_path, "root.d", "1" * 40, b"rubbish")

    with pytest.raises(KeystoreError, match=f"error loading keyring: {path}"):
        Keystore((str(tmp_path), "/none")).keyring("example.com/app")


def test_an_unfit_file_elsewhere_does_not_matter(tmp_path: Path) -> None:
    store(tmp_path, "prefix.d/example.org", "1" * 40, b"rubbish")

    assert Keystore((str(tmp_path), "/none")).keyring("example.com/app") == ()


@pytest.mark.parametrize("make", ["fifo", "link"])
def test_a_key_file_must_be_one(tmp_path: Path, make: str) -> None:
    (tmp_path / "trustedkeys/root.d").mkdir(parents=True)
    path = tmp_path / "trustedkeys/root.d" / ("2" * 40)
    if make == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")

    with pytest.raises(KeystoreError, match="error loading keyring"):
        Keystore((str(tmp_path), "/none")).keyring("example.com/app")


def test_keys_are_stored_for_everybody_to_read(tmp_path: Path, signers: dict[str, Signer]) -> None:
    keystore = Keystore(("/none", str(tmp_path)))
    key = read_key(signers["app"].public)

    before = os.umask(0o077)
    try:
        path = keystore.add_prefix(ACIdentifier("example.com/app"), key)
    finally:
        os.umask(before)

    below = "trustedkeys/prefix.d/example.com/app"
    assert path == str(tmp_path / below / key.fingerprint)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    for parent in ("trustedkeys", "trustedkeys/prefix.d/example.com", below):
        assert stat.S_IMODE((tmp_path / parent).stat().st_mode) == 0o755
    assert keystore.keyring("example.com/app/x") == (key,)
    assert keystore.keyring("example.com") == ()


def test_root_keys_are_no_prefix_keys_and_masks_are_no_keys(
    tmp_path: Path, signers: dict[str, Signer]
) -> None:
    keystore = Keystore(("/none", str(tmp_path)))
    keystore.add_root(read_key(signers["app"].public))
    store(tmp_path, "prefix.d/example.com", "3" * 40, b"")

    assert not keystore.has_prefix_key("example.com/app")

    signers["app"].trusted(tmp_path, "prefix.d/example.com")
    assert keystore.has_prefix_key("example.com/app")
    assert not keystore.has_prefix_key("example.org")


@pytest.mark.parametrize(
    "name", ["example.com/../elsewhere", "example.com/./app", "example.com//app", "a/../../root"]
)
def test_dots_in_a_name_are_no_way_to_other_keys(
    tmp_path: Path, signers: dict[str, Signer], name: str
) -> None:
    for where in ("elsewhere", "example.com/app", "../root"):
        signers["nginx"].trusted(tmp_path, f"prefix.d/{where}")
    (tmp_path / "trustedkeys/prefix.d/a").mkdir()
    keystore = Keystore(("/none", str(tmp_path)))

    assert keystore.keyring(name) == ()
    assert not keystore.has_prefix_key(name)
    with pytest.raises(KeystoreError, match="cannot trust a key for"):
        keystore.add_prefix(ACIdentifier(name), read_key(signers["app"].public))


@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_anybody_can_write_trusts_nobody(
    tmp_path: Path, signers: dict[str, Signer], what: str
) -> None:
    path = signers["app"].trusted(tmp_path, "root.d")
    open_to_all = path if what == "file" else path.parent
    open_to_all.chmod(0o777)

    with pytest.raises(KeystoreError, match=f"anybody can write {open_to_all}$"):
        Keystore(("/none", str(tmp_path))).keyring("example.com/app")


def test_a_key_may_be_a_link_to_where_it_is_kept(
    tmp_path: Path, signers: dict[str, Signer]
) -> None:
    path = signers["app"].trusted(tmp_path, "root.d")
    path.rename(tmp_path / "kept")
    path.symlink_to(tmp_path / "kept")

    assert len(Keystore(("/none", str(tmp_path))).keyring("example.com/app")) == 1
