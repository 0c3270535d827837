"""``network list``, as its users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.cli.main import main
from rktpy.codec import parse

if TYPE_CHECKING:
    from pathlib import Path

BUILT_IN = [
    ["default-restricted", "ptp", "172.31.0.0/16", "(built in)"],
    ["default", "ptp", "172.16.28.0/24", "(built in)"],
]
CHAIN = """{"cniVersion": "1.0.0", "name": "lan", "plugins": [
  {"type": "bridge", "ipam": {"type": "host-local", "ranges": [
    [{"subnet": "10.1.0.0/16"}, {"subnet": "10.3.0.0/16"}], [{"subnet": "fd00::/64"}]]}},
  {"type": "tuning"}]}"""


@pytest.fixture
def local(tmp_path: Path) -> Path:
    (tmp_path / "net.d").mkdir()
    return tmp_path


def listed(
    local: Path, capfd: pytest.CaptureFixture[str], *options: str, status: int = 0
) -> tuple[str, str]:
    assert main(["network", "list", f"--local-config={local}", *options]) == status
    return tuple(capfd.readouterr())  # type: ignore[return-value]


def rows(text: str) -> list[list[str]]:
    return [[cell for cell in line.split("\t") if cell] for line in text.splitlines()]


def test_without_any_configuration(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out, err = listed(tmp_path / "nowhere", capfd)

    assert rows(out) == [["NAME", "TYPE", "SUBNET", "FILE"], *BUILT_IN]
    assert err == ""


def test_files_come_in_the_order_of_joining_and_override(
    local: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (local / "net.d/10-lan.conflist").write_text(CHAIN)
    (local / "net.d/99-x.conf").write_text('{"name": "default", "type": "flannel"}')
    (local / "net.d/50-fix.conf").write_text(
        '{"name": "fix", "type": "macvlan", "ipam": {"addresses": [{"address": "10.9.0.7/24"}]}}'
    )
    (local / "net.d/60-again.conf").write_text('{"name": "fix", "type": "ptp"}')
    (local / "net.d/ignored.json").write_text("{")

    out, err = listed(local, capfd, "--no-legend")

    assert rows(out) == [
        ["lan", "bridge,tuning", "10.1.0.0/16,10.3.0.0/16,fd00::/64",
         f"{local}/net.d/10-lan.conflist"],
        ["fix", "macvlan", "10.9.0.7/24", f"{local}/net.d/50-fix.conf"],
        BUILT_IN[0],
        ["default", "flannel", "-", f"{local}/net.d/99-x.conf"],
    ]  # fmt: skip
    assert err == 'networking: "fix" network already defined, ignoring 60-again.conf\n'


def test_json(local: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (local / "net.d/10-lan.conflist").write_text(CHAIN)

    out, _err = listed(local, capfd, "--format=json")

    lan, restricted, default = parse(out)
    assert lan == {
        "name": "lan", "types": ["bridge", "tuning"],
        "subnets": ["10.1.0.0/16", "10.3.0.0/16", "fd00::/64"], "cni_version": "1.0.0",
        "file": f"{local}/net.d/10-lan.conflist", "built_in": False,
    }  # fmt: skip
    assert (restricted["built_in"], default["file"]) == (True, "")
    assert "\n\t" in listed(local, capfd, "--format=json-pretty")[0]


def test_broken_files_are_named_and_the_others_listed(
    local: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (local / "net.d/10-bad.conf").write_text("{")
    (local / "net.d/20-bad.conf").write_text("[]")
    (local / "net.d/30-odd.conf").write_text(
        '{"name": "odd", "type": "x", "ipam": {"subnet": 7, "ranges": [{}], "addresses": [3]}}'
    )

    out, err = listed(local, capfd, "--no-legend", status=254)

    assert rows(out) == [["odd", "x", "-", f"{local}/net.d/30-odd.conf"], *BUILT_IN]
    head = "list: error loading network definitions: error loading"
    assert [line.rpartition(": ")[0].partition(".conf")[0] for line in err.splitlines()] == [
        f"{head} {local}/net.d/10-bad",
        f"{head} {local}/net.d/20-bad",
    ]
