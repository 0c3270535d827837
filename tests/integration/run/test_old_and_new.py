"""Hosts whose systemd is too old: what their users read, and what is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy


@pytest.fixture
def old_host(tmp_path: Path) -> dict[str, str]:
    """The environment of a host with the systemd of Debian 11."""
    for folder in ("usr/bin", "usr/lib/systemd"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/bin/systemd-nspawn").touch(0o755)
    (tmp_path / "usr/lib/systemd/libsystemd-shared-247.so").touch()
    return {"PATH": f"{tmp_path}/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


@pytest.mark.parametrize("verb", ["run", "prepare"])
def test_a_host_that_is_too_old_is_told_what_it_has_and_what_would_do(
    rkt: Rktpy, old_host: dict[str, str], verb: str
) -> None:
    done = rkt(verb, SHELL, env=old_host)

    assert done.status == 254
    assert "systemd 247 of this host is too old to run pods" in done.err
    assert "upgrade to systemd 252 or newer" in done.err
    assert rkt.ok("list", "--no-legend").strip() == ""


def test_a_pod_that_was_prepared_before_a_downgrade_stays_prepared(
    rkt: Rktpy, old_host: dict[str, str]
) -> None:
    uuid = rkt.ok("prepare", SHELL).strip()

    done = rkt("run-prepared", uuid, env=old_host)

    assert done.status == 254
    assert "systemd 247 of this host is too old" in done.err
    assert rkt("status", uuid).fields()["state"] == "prepared"
