"""Networks of net.d: which there are, which a pod joins, and what is said about broken files."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rktpy.net.conf import NetConfError, built_in, choose, parse_conf, read_conf
from rktpy.net.netlist import parse_netlist

if TYPE_CHECKING:
    from pathlib import Path


def one(name: str, kind: str = "ptp") -> str:
    return f'{{"name": "{name}", "type": "{kind}"}}'


def configured(root: Path, **files: str) -> str:
    (root / "net.d").mkdir()
    for name, content in files.items():
        (root / "net.d" / name.replace("__", ".")).write_text(content)
    return str(root)


def joined(local: str, *net: str) -> tuple[list[str], list[str]]:
    warnings: list[str] = []
    found = choose([local], parse_netlist(net), warnings.append)
    return [f"{j.interface} {j.conf.file} {j.conf.name} {j.arguments}" for j in found], warnings


def test_without_any_configuration_two_networks_are_there(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")

    assert joined(nowhere) == (["eth0 99-default.conf default "], [])
    assert joined(nowhere, "all")[0] == [
        "eth0 99-default-restricted.conf default-restricted ",
        "eth1 99-default.conf default ",
    ]


def test_the_built_in_ones_are_those_of_rkt() -> None:
    restricted, default = built_in()

    assert default.content.endswith(b'"routes": [\n\t\t\t{ "dst": "0.0.0.0/0" }\n\t\t]\n\t}\n}\n')
    assert (default.version, default.plugins[0]["ipMasq"]) == ("0.1.0", True)
    assert restricted.plugins[0]["ipam"] == {"type": "host-local", "subnet": "172.31.0.0/16"}


def test_networks_are_joined_by_file_name_with_their_arguments(tmp_path: Path) -> None:
    local = configured(tmp_path, b__conf=one("x"), a__conf=one("y"), c__json="{", d__conf=one("z"))
    (tmp_path / "net.d/sub.conf").mkdir()

    assert joined(local, "x:IP=1.2.3.4", "default,y") == (
        ["eth0 99-default.conf default ", "eth1 a.conf y ", "eth2 b.conf x IP=1.2.3.4"],
        [],
    )


def test_the_first_file_that_defines_a_name_counts(tmp_path: Path) -> None:
    local = configured(tmp_path, b__conf=one("x"), a__conf=one("x"), c__conf=one("unasked"))

    assert joined(local, "x") == (
        ["eth0 a.conf x "],
        ['"x" network already defined, ignoring b.conf'],
    )


def test_a_file_overrides_a_built_in_network(tmp_path: Path) -> None:
    local = configured(tmp_path, **{"10-mine__conf": one("default")})

    assert joined(local) == (
        ["eth0 10-mine.conf default "],
        [f'overriding "default" network with one from {local}/net.d'],
    )


def test_names_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(NetConfError) as caught:
        joined(str(tmp_path), "b,default,a")

    assert caught.value.message == "networks not found: a, b"


@pytest.mark.parametrize("value", ["host", "none"])
def test_who_joins_no_network_needs_no_configuration(tmp_path: Path, value: str) -> None:
    assert joined(configured(tmp_path, a__conf="{"), value) == ([], [])


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("a.conf", '{"name": "x",\n oops}', "line 2, column 2"),
        ("a.conf", "[]", "not a JSON object"),
        ("a.conf", '{"name": 1, "type": "ptp"}', '"name" must be a string'),
        ("a.conf", '{"name": "x", "type": []}', '"type" must be a string'),
        ("a.conf", '{"type": "ptp"}', '"" cannot be the name of a network'),
        ("a.conf", one("../x"), '"../x" cannot be the name of a network'),
        ("a.conf", one("x", "../../bin/sh"), '"../../bin/sh" cannot be the type of a plugin'),
        ("a.conflist", one("x"), '"plugins" must be a list of at least one plugin'),
        ("a.conflist", '{"name": "x", "plugins": []}', '"plugins" must be a list of at'),
        ("a.conflist", '{"name": "x", "plugins": [1]}', "a plugin must be a JSON object"),
        ("a.conf", "x" * (1 << 20) + "x", "larger than 1048576 bytes"),
    ],
)
def test_a_broken_file_fails_even_if_nobody_asks_for_it(
    tmp_path: Path, file: str, content: str, reason: str
) -> None:
    local = configured(tmp_path, **{file.replace(".", "__"): content})

    with pytest.raises(NetConfError) as caught:
        joined(local)

    start = f"error loading network definitions: error loading {local}/net.d/{file}: "
    assert caught.value.message.startswith(start)
    assert reason in caught.value.message


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.conf")

    with pytest.raises(NetConfError, match=r"x\.conf: not a file"):
        read_conf(str(tmp_path / "x.conf"))


def test_a_chain_keeps_its_order_and_a_file_its_bytes() -> None:
    text = b'{"cniVersion": "1.0.0", "name": "n", "disableCheck": true,'
    text += b' "plugins": [{"type": "bridge", "name": "ours"}, {"type": "portmap"}]}\n'

    conf = parse_conf(text, "/x/n.conflist")

    assert (conf.chain, conf.version, conf.disable_check, conf.content) == (
        True, "1.0.0", True, text,
    )  # fmt: skip
    assert conf.plugins == ({"type": "bridge"}, {"type": "portmap"})


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, rktpy.net.conf, rktpy.net.call; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-Sc", code], capture_output=True, check=True)

    heavy = {b"json", b"re", b"enum", b"ipaddress", b"socket", b"subprocess", b"typing"}
    assert not heavy & set(done.stdout.split())
