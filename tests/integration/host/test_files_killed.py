"""What replaces a file that somebody would miss, killed at any step: the old one is there or the
new one. The ``export`` of a pod is in ``run/test_export.py``.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from rktpy.appc.types import ACIdentifier
from rktpy.image.trust.keystore import Keystore
from rktpy.image.trust.openpgp import read_key
from rktpy.layout import Layout
from rktpy.net import chain, hosts
from rktpy.store.index import Index
from rktpy.verbs.generate_unit import write_unit
from tests.integration.net.test_flannel import daemon_writes, finder, network
from tests.integration.store.dying import die_at, in_child
from tests.support.netplugins import UUID, attachment
from tests.unit.image.trust.keys import Signer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.integration

KEY = "sha512-" + 64 * "5"


def kill_at_each_step(act: Callable[[], object], look: Callable[[], object]) -> int:
    """Kill ``act`` at its first step, its second, and so on, and ``look`` each time; return how
    many there are."""
    step, status = 0, -signal.SIGKILL
    while status:
        step += 1

        def dying(step: int = step) -> None:
            die_at(step)
            act()

        status = in_child(dying)
        assert status in (0, -signal.SIGKILL)
        look()
    return step - 1


def seen(path: Path, old: str, new: str) -> Callable[[], None]:
    """Return what fails unless ``path`` holds one of two texts, and puts the old one back."""

    def look() -> None:
        assert path.read_text() in (old, new)
        path.write_text(old)

    return look


def test_a_key_that_is_trusted_again_is_never_distrusted(tmp_path: Path) -> None:
    keystore = Keystore((str(tmp_path / "usr"), str(tmp_path / "etc")))
    signer = Signer()
    key = read_key(signer.public)

    def trust() -> None:
        keystore.add_prefix(ACIdentifier("example.com"), key)

    def look() -> None:
        (found,) = keystore.keyring("example.com/app")
        assert found.fingerprint == signer.fingerprint

    trust()
    assert kill_at_each_step(trust, look) >= 4


def test_a_unit_that_is_generated_again_is_never_missing(tmp_path: Path) -> None:
    def write() -> None:
        write_unit(str(tmp_path), "web.service", "new")

    (tmp_path / "web.service").write_text("old")
    look = seen(tmp_path / "web.service", "old", "new")
    assert kill_at_each_step(write, look) >= 4
    beside = [path.name for path in tmp_path.iterdir() if path.name != "web.service"]
    assert all(name.startswith(".web.service.") for name in beside)  # systemd reads no hidden file


def test_the_record_of_a_checked_signature_is_never_missing(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    os.makedirs(layout.cas)
    record = tmp_path / "cas/verified" / KEY

    def note(fingerprint: str = "new") -> None:
        Index(layout).record(KEY, fingerprint)

    note("old")
    assert kill_at_each_step(note, seen(record, f"{KEY} old\n", f"{KEY} new\n")) >= 4

    assert len(Index(layout).recorded()) > 1  # what is hidden as well, so image gc takes it


def test_what_is_kept_for_the_delegate_of_flannel_is_never_missing(tmp_path: Path) -> None:
    daemon_writes(tmp_path)
    find, one = finder(tmp_path), attachment(network(tmp_path))
    chain.add(one, find)
    kept = tmp_path / "data" / UUID
    old = kept.read_text()

    def look() -> None:
        assert kept.read_text() == old

    assert kill_at_each_step(lambda: chain.add(one, find), look) >= 4


def test_a_write_that_a_kill_has_cut_is_done_anew_whoever_is_killed_at_that(
    tmp_path: Path,
) -> None:
    pod, file = str(tmp_path), tmp_path / "net/hosts"
    hosts.prepare(pod, "127.0.0.1 localhost", ["a", "b"])
    hosts.change(pod, "a", ["10.1.0.2 x"] * 500)
    old = file.read_text()
    hosts.change(pod, "a", ["10.1.0.2 y"] * 500)
    cut = file.read_text()[:4096] + old[4096:]
    hosts.change(pod, "b", ["10.2.0.2 z"] * 500)
    wanted = file.read_text()
    with_y = wanted.replace("10.2.0.2 z\n", "")

    def tear() -> None:
        for name in os.listdir(tmp_path / "net"):
            os.unlink(tmp_path / "net" / name)
        file.write_text(cut)
        (tmp_path / "net/hosts.new").write_text(with_y)

    def change() -> None:
        hosts.change(pod, "b", ["10.2.0.2 z"] * 500)

    def look() -> None:
        change()
        assert file.read_text() == wanted
        assert not (tmp_path / "net/hosts.new").exists()
        tear()

    tear()
    assert kill_at_each_step(change, look) >= 5
