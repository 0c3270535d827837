"""The examples of the CNI specification (SPEC.md at its tags), played with plugins that are
scripts: what each is told at each command, and what is made of its answer.

The examples say nothing of ``cniVersion`` in ``prevResult``, which libcni writes too; those of
1.0.0 leave out the routes of ``ipam``, which the runtime must pass through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rktpy.codec import compact, parse
from rktpy.net import chain
from rktpy.net.external import External
from rktpy.net.outcome import DNS
from rktpy.net.result import Address, Interface, Result, Route
from tests.support.netplugins import attachment, programs, script

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
DNS_10 = {"nameservers": ["10.1.0.1"]}
PORTS = [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]
MAC = "00:11:22:33:44:66"
BRIDGE: Json = {
    "type": "bridge", "bridge": "cni0", "keyA": ["some more", "plugin specific", "configuration"],
    "ipam": {
        "type": "host-local", "subnet": "10.1.0.0/16", "gateway": "10.1.0.1",
        "routes": [{"dst": "0.0.0.0/0"}],
    },
    "dns": DNS_10,
}  # fmt: skip
TUNING: Json = {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}}
V1_0: Json = {
    "cniVersion": "1.0.0", "name": "dbnet",
    "plugins": [
        BRIDGE,
        {**TUNING, "capabilities": {"mac": True}},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}  # fmt: skip


def result_1_0(mac: str) -> Json:
    return {
        "ips": [{"address": "10.1.0.5/16", "gateway": "10.1.0.1", "interface": 2}],
        "routes": [{"dst": "0.0.0.0/0"}],
        "interfaces": [
            {"name": "cni0", "mac": "00:11:22:33:44:55"},
            {"name": "veth3243", "mac": "55:44:33:22:11:11"},
            {"name": "eth0", "mac": mac, "sandbox": "/var/run/netns/blue"},
        ],
        "dns": DNS_10,
    }


def play(directory: Path, answers: dict[str, Json]) -> None:
    """Make plugins that keep what they are told, and answer an ADD with ``answers``."""
    for kind, answer in answers.items():
        (directory / f"{kind}.answer").write_text(compact(answer))
        note = f'echo "{kind} $CNI_COMMAND $CNI_ARGS" >> {directory}/calls'
        body = f"cat > {directory}/{kind}.$CNI_COMMAND; [ $CNI_COMMAND = ADD ] || exit 0"
        script(directory, kind, f"{note}; {body}; cat {directory}/{kind}.answer")


def told(directory: Path, kind: str, command: str) -> Json:
    found: Json = parse((directory / f"{kind}.{command}").read_bytes())
    if "prevResult" in found:
        assert found["prevResult"].pop("cniVersion") == found["cniVersion"]
    return found


def test_the_appendix_of_1_0_0(tmp_path: Path) -> None:
    before, after = result_1_0("99:88:77:66:55:44"), result_1_0(MAC)
    play(tmp_path, {"bridge": before, "tuning": after, "portmap": after})
    one = attachment(
        V1_0, "/var/run/netns/blue", arguments="argA=foo",
        capabilities={"portMappings": PORTS, "mac": MAC},
    )  # fmt: skip

    result = chain.add(one, programs(tmp_path))
    chain.check(one, programs(tmp_path), result)
    assert chain.delete(one, programs(tmp_path), result) == ()

    assert (tmp_path / "calls").read_text().splitlines() == [
        f"{kind} {command} argA=foo"
        for command, order in (
            ("ADD", ("bridge", "tuning", "portmap")),
            ("CHECK", ("bridge", "tuning", "portmap")),
            ("DEL", ("portmap", "tuning", "bridge")),
        )
        for kind in order
    ]
    head = {"cniVersion": "1.0.0", "name": "dbnet"}
    tuning = {**head, **TUNING, "runtimeConfig": {"mac": MAC}}
    portmap = {**head, "type": "portmap", "runtimeConfig": {"portMappings": PORTS}}
    assert told(tmp_path, "bridge", "ADD") == {**head, **BRIDGE}
    assert told(tmp_path, "tuning", "ADD") == {**tuning, "prevResult": before}
    assert told(tmp_path, "portmap", "ADD") == {**portmap, "prevResult": after}
    for command in ("CHECK", "DEL"):
        assert told(tmp_path, "bridge", command) == {**head, **BRIDGE, "prevResult": after}
        assert told(tmp_path, "tuning", command) == {**tuning, "prevResult": after}
        assert told(tmp_path, "portmap", command) == {**portmap, "prevResult": after}


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0"])
def test_the_list_of_0_3_and_0_4(tmp_path: Path, version: str) -> None:
    bridge = {
        "type": "bridge", "bridge": "cni0", "args": {"labels": {"appVersion": "1.0"}},
        "ipam": {"type": "host-local", "subnet": "10.1.0.0/16", "gateway": "10.1.0.1"},
        "dns": DNS_10,
    }  # fmt: skip
    reported = {
        "ips": [{"version": "4", "address": "10.0.0.5/32", "interface": 2}],
        "interfaces": result_1_0("99:88:77:66:55:44")["interfaces"],
        "dns": DNS_10,
    }
    play(tmp_path, dict.fromkeys(("bridge", "tuning"), reported))
    one = attachment({"cniVersion": version, "name": "dbnet", "plugins": [bridge, TUNING]})

    result = chain.add(one, programs(tmp_path))
    chain.check(one, programs(tmp_path), result)
    chain.delete(one, programs(tmp_path), result)

    head = {"cniVersion": version, "name": "dbnet"}
    assert told(tmp_path, "bridge", "ADD") == {**head, **bridge}
    assert told(tmp_path, "tuning", "ADD") == {**head, **TUNING, "prevResult": reported}
    later: Json = {"prevResult": reported} if version == "0.4.0" else {}
    assert (tmp_path / "bridge.CHECK").exists() is (version == "0.4.0")
    for command in ("CHECK", "DEL") if later else ("DEL",):
        assert told(tmp_path, "bridge", command) == {**head, **bridge, **later}
        assert told(tmp_path, "tuning", command) == {**head, **TUNING, **later}


RICH = Result(
    (Interface("cni0", "00:11:22:33:44:55"), Interface("eth0", MAC, "/var/run/netns/blue")),
    (Address("10.1.0.5/16", "10.1.0.1", 1), Address("fd00::5/64", "fd00::1", 1)),
    (Route("0.0.0.0/0"), Route("fd01::/64", "fd00::2")),
    DNS(("10.1.0.1",), "example.com", ("a.example",), ("ndots:2",)),
)
DNS_JSON = {
    "nameservers": ["10.1.0.1"], "domain": "example.com", "search": ["a.example"],
    "options": ["ndots:2"],
}  # fmt: skip
OLD = {
    "ip4": {"ip": "10.1.0.5/16", "gateway": "10.1.0.1", "routes": [{"dst": "0.0.0.0/0"}]},
    "ip6": {
        "ip": "fd00::5/64", "gateway": "fd00::1", "routes": [{"dst": "fd01::/64", "gw": "fd00::2"}],
    },
    "dns": DNS_JSON,
}  # fmt: skip
NEW = {
    "interfaces": [
        {"name": "cni0", "mac": "00:11:22:33:44:55"},
        {"name": "eth0", "mac": MAC, "sandbox": "/var/run/netns/blue"},
    ],
    "ips": [
        {"version": "4", "address": "10.1.0.5/16", "gateway": "10.1.0.1", "interface": 1},
        {"version": "6", "address": "fd00::5/64", "gateway": "fd00::1", "interface": 1},
    ],
    "routes": [{"dst": "0.0.0.0/0"}, {"dst": "fd01::/64", "gw": "fd00::2"}],
    "dns": DNS_JSON,
}


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("0.1.0", OLD),
        ("0.2.0", {"cniVersion": "0.2.0", **OLD}),
        ("0.3.0", {"cniVersion": "0.3.0", **NEW}),
        ("0.3.1", {"cniVersion": "0.3.1", **NEW}),
        ("0.4.0", {"cniVersion": "0.4.0", **NEW}),
        ("1.0.0", {"cniVersion": "1.0.0", **NEW}),
    ],
)
def test_the_results_of_all_versions(tmp_path: Path, version: str, answer: Json) -> None:
    play(tmp_path, {"one": answer})
    content = f'{{"cniVersion": "{version}", "name": "n", "type": "one"}}'

    result = chain.add(attachment(content), programs(tmp_path))

    old = version in ("0.1.0", "0.2.0")
    assert result.addresses == tuple(
        one.replace(interface=None) if old else one for one in RICH.addresses
    )
    assert result.interfaces == (() if old else RICH.interfaces)
    assert (result.routes, result.dns) == (RICH.routes, RICH.dns)


def test_the_error_and_the_versions(tmp_path: Path) -> None:
    details = "Network 192.168.0.0/31 too small to allocate from."
    error = {
        "cniVersion": "1.0.0", "code": 7, "msg": "Invalid Configuration", "details": details,
    }  # fmt: skip
    known = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"]
    versions = compact({"cniVersion": "1.0.0", "supportedVersions": known})
    path = script(
        tmp_path, "one",
        f"[ $CNI_COMMAND != VERSION ] || exec echo '{versions}'; echo '{compact(error)}'; exit 1",
    )  # fmt: skip

    with pytest.raises(chain.ChainError) as caught:
        chain.add(attachment('{"name": "n", "type": "one"}'), programs(tmp_path))

    assert caught.value.message == f'error adding network "n": Invalid Configuration; {details}'
    assert External(path, (), {}).versions("1.0.0") == tuple(known)


@pytest.mark.parametrize(
    ("code", "hint"),
    [(1, "speaks CNI 0.1.0"), (2, "None"), (11, "try again later"), (100, "None")],
)
def test_the_codes_of_errors(tmp_path: Path, code: int, hint: str) -> None:
    script(tmp_path, "one", f"""echo '{{"code": {code}, "msg": "no"}}'; exit 1""")

    with pytest.raises(chain.ChainError, match=": no") as caught:
        chain.add(attachment('{"name": "n", "type": "one"}'), programs(tmp_path))

    assert hint in str(caught.value.hint)
