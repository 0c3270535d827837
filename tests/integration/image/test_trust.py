"""``rktpy trust`` and images as files, signed by GnuPG."""

from __future__ import annotations

import os
import pty
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.rk import Done, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.image.conftest import Keys
    from tests.integration.image.fetching import Fetcher

pytestmark = pytest.mark.integration
UNKNOWN = "openpgp: signature made by unknown entity"


def test_an_image_is_accepted_when_its_key_is_trusted_for_its_name(
    rkt: Fetcher, keys: Keys, aci: Path
) -> None:
    no_signature = rkt("fetch", aci)
    keys.sign("key1", aci)
    no_key = rkt("fetch", aci)
    rkt.trust(keys.file("key1"), "--prefix=wrong-prefix.com/my-app")
    wrong_prefix = rkt("fetch", aci)
    rkt.trust(keys.file("key2"), "--prefix=example.com/app")
    wrong_key = rkt("fetch", aci)
    said = rkt.trust(keys.file("key1"), "--prefix=example.com/app")
    good = rkt("fetch", "--full", aci)

    assert f"error opening signature file: {aci}.asc: no such file" in no_signature.err
    for refused in (no_key, wrong_prefix, wrong_key):
        assert refused.status == 254
        assert f'image "example.com/app" verification failed: {UNKNOWN}' in refused.err
        assert 'rktpy trust --prefix "example.com/app"' in refused.err
    key = f"{rkt.local}/trustedkeys/prefix.d/example.com/app/{keys.fingerprints['key1']}"
    assert f'Added key for prefix "example.com/app" at "{key}"\n' in said
    assert good.status == 0
    assert "image: signature verified:\nimage:   key1 <key1@example.com>\n" in good.err


def test_a_root_key_is_trusted_for_every_name(rkt: Fetcher, keys: Keys, aci: Path) -> None:
    keys.sign("key1", aci)

    said = rkt.trust(keys.file("key1"), "--root")

    assert 'for prefix "" without fingerprint review.\nAdded root key at "' in said
    assert rkt("fetch", aci).status == 0


def test_the_signature_may_lie_elsewhere_and_be_binary(
    rkt: Fetcher, keys: Keys, aci: Path, tmp_path: Path
) -> None:
    asc = keys.sign("key1", aci, "--no-armor", to=tmp_path / "elsewhere")
    rkt.trust(keys.file("key1"), "--prefix=example.com")

    assert rkt("fetch", aci).status == 254
    assert rkt("fetch", aci, f"--signature={asc}").status == 0


def test_a_masked_key_does_not_count_any_more(rkt: Fetcher, keys: Keys, aci: Path) -> None:
    keys.sign("key1", aci)
    rkt.trust(keys.file("key1"), "--root")
    (key,) = (rkt.local / "trustedkeys/root.d").iterdir()
    key.write_bytes(b"")

    assert UNKNOWN in rkt("fetch", aci).err


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("expired", "expired on 20"),
        ("short", "is not secure: RSA1024 is not considered secure"),
        ("revoked", "is revoked"),
    ],
)
def test_a_key_that_is_no_use_is_refused_by_trust_and_by_fetch(
    rkt: Fetcher, keys: Keys, aci: Path, name: str, words: str
) -> None:
    usable: datetime | None = None
    if name == "expired":
        usable = datetime.now(UTC) - timedelta(days=8)
    asc = keys.sign(name, aci, at=usable)
    if name == "revoked":
        keys.gpg.revoke(keys.fingerprints[name])
    root = rkt.local / "trustedkeys/root.d"
    refused = rkt("trust", "--root", "--skip-fingerprint-review", keys.file(name))
    assert (refused.status, root.exists()) == (254, False)
    assert words in refused.err

    root.mkdir(parents=True)
    (root / keys.fingerprints[name]).write_bytes(keys.file(name).read_bytes())
    fetched = rkt("fetch", aci, f"--signature={asc}")
    assert fetched.status == 254
    assert words in fetched.err
    assert rkt.images() == []


def test_weak_and_outdated_signatures_are_refused(
    rkt: Fetcher, keys: Keys, aci: Path, tmp_path: Path
) -> None:
    before, after = (datetime.now(UTC) + timedelta(days=days) for days in (-5, 3))
    rkt.trust(keys.file("old"), "--prefix=example.com")
    sha1 = keys.sign("old", aci, "--digest-algo=SHA1", to=tmp_path / "sha1")
    ended = keys.sign("old", aci, "--default-sig-expire=1d", at=before, to=tmp_path / "ended")
    future = keys.sign("old", aci, at=after, to=tmp_path / "future")

    def refusal(asc: Path) -> str:
        done = rkt("fetch", aci, f"--signature={asc}")
        assert done.status == 254
        return done.err

    assert "digest that is not secure any more" in refusal(sha1)
    assert "the signature expired on 20" in refusal(ended)
    assert "comes from the future" in refusal(future)


def test_a_signature_ends_with_the_subkey_that_made_it(rkt: Fetcher, keys: Keys, aci: Path) -> None:
    before = datetime.now(UTC) - timedelta(days=9)
    whole = keys.gpg.generate("sub <sub@example.com>", at=before)
    subkey = keys.gpg.add_subkey(whole, at=before, life="2d")
    keys.gpg.sign(f"{subkey}!", aci, at=before + timedelta(days=1))
    rkt.trust(keys.file("sub"), "--root")

    ended = rkt("fetch", aci)
    keys.gpg.extend(whole, subkey, "1w")
    rkt.trust(keys.file("sub"), "--root")
    keys.gpg.sign(f"{subkey}!", aci)
    extended = rkt("fetch", aci)

    assert (ended.status, f"openpgp: key {subkey} expired" in ended.err) == (254, True), ended.err
    assert extended.status == 0, extended.err


def test_a_changed_image_is_refused_and_leaves_nothing(rkt: Fetcher, keys: Keys, aci: Path) -> None:
    keys.sign("key1", aci)
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    with aci.open("ab") as file:
        file.write(b"\0")

    refused = rkt("fetch", aci)

    assert "is not what key" in refused.err
    assert rkt.images() == []
    assert [p for p in (rkt.data / "cas").rglob("sha512-*") if p.is_file()] == []


def test_a_signed_text_is_no_signature(rkt: Fetcher, keys: Keys, aci: Path) -> None:
    rkt.trust(keys.file("key1"), "--root")
    aci.with_suffix(".aci.asc").write_text("trust me")

    assert "keystore: no valid signatures found in signature file" in rkt("fetch", aci).err


def test_what_was_waived_once_is_demanded_again(rkt: Fetcher, keys: Keys, aci: Path) -> None:
    waived = ("--insecure-options=image", "fetch", "--pull-policy=never")
    named = ("fetch", "--pull-policy=never", "example.com/app")
    rkt.ok("--insecure-options=image", "fetch", aci)

    assert rkt(*waived, "example.com/app").status == 0
    refused = rkt(*named).err
    assert 'unable to fetch image from image name "example.com/app"' in refused
    assert "it is stored but was not verified" in refused

    keys.sign("key1", aci)
    rkt.trust(keys.file("key1"), "--prefix=example.com")
    key = rkt.ok("fetch", aci)
    assert rkt.ok(*named) == key

    rkt.ok("--insecure-options=image", "fetch", aci)  # takes nothing back
    assert rkt.ok(*named) == key


def test_a_hash_says_itself_what_it_wants(rkt: Fetcher, aci: Path) -> None:
    key = rkt.ok("--insecure-options=image", "fetch", aci)

    assert rkt.ok("fetch", key.strip()) == key


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("KEY",), "aborting due to implicit unbounded trust (root domain)"),
        (("--root", "--prefix=example.com", "KEY"), "--root and --prefix usage mutually exclusive"),
        (("--prefix=https://example.com", "KEY"), "must not contain a URL scheme, omit https://"),
        (("--root",), "error determining key location: empty prefix"),
        (("--prefix=example.com/*", "KEY"), "error adding keys: "),
        (("--root", "/none"), "error adding keys: /none: no such file or directory"),
        (("--root", "ftp://example.com/k"), "only local files and http or https URLs supported"),
        (("--root", "http://example.com/k"), "--insecure-allow-http required for http URLs"),
        ((), "no prefix and no key given"),
    ],
)
def test_what_makes_no_sense_is_refused(
    rkt: Fetcher, keys: Keys, words: tuple[str, ...], refusal: str
) -> None:
    key = str(keys.file("key1"))
    done = rkt("trust", *[word.replace("KEY", key) for word in words])

    assert done.status == 254
    assert refusal in done.err
    assert not rkt.local.exists()


def test_without_a_keystore_nothing_can_be_trusted(rkt: Fetcher, keys: Keys) -> None:
    done = rkt("--insecure-options=image", "trust", "--root", keys.file("key1"))

    assert (done.status, "could not get the keystore" in done.err) == (254, True)


def test_nobody_is_asked_without_a_terminal(rkt: Fetcher, keys: Keys) -> None:
    done = rkt("trust", "--prefix=example.com", keys.file("key1"))

    assert done.status == 254
    assert "unable to ask user to review fingerprint due to lack of tty" in done.err
    assert ' - run: rkt trust --prefix "example.com"' in done.err
    assert not rkt.local.exists()


def _reviewed(rkt: Fetcher, answers: bytes, *words: str | Path) -> Done:
    """Run a command on a terminal with ``answers`` typed ahead."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        rkt.argv(*words), stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    os.write(ours, answers)
    assert process.stdout is not None
    out = process.stdout.read()
    status = until(lambda: (process.poll() is not None) and (process.returncode + 1), "end") - 1
    os.close(theirs)
    err = os.read(ours, 1 << 16).decode()
    os.close(ours)
    process.communicate()
    return Done(status, out, err)


def test_a_key_is_trusted_after_a_yes(rkt: Fetcher, keys: Keys) -> None:
    done = _reviewed(rkt, b"maybe\nyes\n", "trust", "--prefix=example.com", keys.file("key1"))

    fingerprint = keys.fingerprints["key1"].upper()
    groups = [fingerprint[at : at + 4] for at in range(0, 40, 4)]
    assert done.status == 0
    assert f"gpg key fingerprint is: {' '.join(groups[:5])}  {' '.join(groups[5:])}\n" in done.out
    assert "\tkey1 <key1@example.com>\n" in done.out
    assert done.out.count("Are you sure you want to trust this key (yes/no)?") == 2
    assert "Please enter 'yes' or 'no'" in done.out
    assert "after fingerprint review." in done.out
    assert 'pubkey: prefix: "example.com"\r\nkey: "' in done.err


def test_a_no_passes_over_to_the_next_key(rkt: Fetcher, keys: Keys) -> None:
    files = keys.file("key1"), keys.file("key2")
    done = _reviewed(rkt, b"no\nyes\n", "trust", "--root", *files)

    assert done.status == 0
    assert f'not trusting "{files[0]}"' in done.err
    (stored,) = (rkt.local / "trustedkeys/root.d").iterdir()
    assert stored.name == keys.fingerprints["key2"]


def test_a_key_file_without_end_is_refused(rkt: Fetcher, tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)

    done = rkt("trust", "--root", tmp_path / "huge")
    assert (done.status, "too large for a key" in done.err) == (254, True)
