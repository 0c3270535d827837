"""Pods in networks, from the start to ``gc``, and what is left of those that failed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.run.images import SHELL, shell_aci
from tests.integration.run.rk import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.run.rk import Rktpy

LEASES = "/var/lib/cni/networks"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """The local configuration directory, with an empty ``net.d``."""
    (tmp_path / "etc/net.d").mkdir(parents=True)
    return tmp_path / "etc"


def configure(local: Path, file: str, **fields: Any) -> None:
    (local / f"net.d/{file}.conf").write_text(json.dumps({"name": file} | fields))


def program(local: Path, name: str, script: str) -> None:
    path = local / f"net.d/{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def tables() -> str:
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_chain_with_portmap_publishes_the_ports_itself(
    rkt: Rktpy, local: Path, tmp_path: Path
) -> None:
    ipam = {"type": "host-local", "subnet": "10.77.0.0/24"}
    plugins = [
        {"type": "ptp", "ipam": ipam},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    conf = {"cniVersion": "1.0.0", "name": "c", "plugins": plugins}
    (local / "net.d/c.conflist").write_text(json.dumps(conf))
    port = {"name": "web", "protocol": "tcp", "port": 80}
    image = shell_aci(tmp_path / "web.aci", "example.com/web", app={"ports": [port]})
    serve = "mkdir /www; echo hello > /www/index.html; busybox httpd -f -p 80 -h /www"
    words = (f"--local-config={local}", "--net=c", image, "--", serve)

    with rkt.start("run", "--port=web:8080", *words) as pod:
        pod.ready()
        page = pod.until(fetch_page, "page")
    shutil.copy("/usr/lib/cni/portmap", local / "net.d")
    refused = rkt("run", "--port=web:8080,from=127.0.0.0/8", *words)

    assert page == b"hello\n"
    assert 'port "web" is for some networks only' in refused.err


def ruleset() -> str:
    """All rules, without what changes with every packet."""
    return subprocess.run(
        ["nft", "-s", "list", "ruleset"], capture_output=True, text=True, check=True
    ).stdout


def nothing_is_left() -> bool:
    """Whether no namespace, rule or lease is there; link ends come and go with the first."""
    leases = [name for *_, names in os.walk(LEASES) for name in names if name[0].isdigit()]
    return not (os.listdir("/run/netns") or tables() or leases)


def test_a_pod_without_options_is_in_the_default_network(rkt: Rktpy) -> None:
    done = rkt("run", SHELL, "--", "ip addr; ip route")

    assert done.status == 0, done.err
    assert "inet 172.16.28.2/24" in done.out
    assert "default via 172.16.28.1 dev eth0" in done.out
    (uuid,) = os.listdir(rkt.data / "pods/run")
    (entry,) = json.loads((rkt.data / f"pods/run/{uuid}/net-info.json").read_text())
    assert {key: entry[key] for key in ("netName", "netConf", "ifName", "ip", "args", "mask")} == {
        "netName": "default", "netConf": "net/99-default.conf", "ifName": "eth0",
        "ip": "172.16.28.2", "args": "", "mask": "255.255.255.0",
    }  # fmt: skip
    assert f"rkt-{uuid}" in tables()
    assert "default:ip4=172.16.28.2" in rkt.ok("list")
    assert rkt.status(uuid)["networks"] == "default:ip4=172.16.28.2"
    rkt.ok("gc", "--grace-period=0s")
    assert nothing_is_left()


def test_a_pod_shows_its_addresses_of_both_families(rkt: Rktpy, local: Path) -> None:
    ranges = [[{"subnet": "fd77::/64"}], [{"subnet": "10.77.0.0/24"}]]
    ipam = {"type": "host-local", "ranges": ranges}
    configure(local, "both", cniVersion="1.0.0", type="ptp", ipam=ipam)
    configure(local, "six", cniVersion="1.0.0", type="ptp", ipam=ipam | {"ranges": ranges[:1]})
    text = "both:ip4=10.77.0.2, both:ip6=fd77::2"

    with rkt.start("run", f"--local-config={local}", "--net=both", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        shown = rkt.status(uuid)["networks"]
        (listed,) = json.loads(rkt.ok("list", "--format=json"))
        rkt.ok("stop", uuid)
    row = rkt.ok("list", "--no-legend")
    alone = rkt(f"--local-config={local}", "run", "--net=six", SHELL, "--", "true")

    assert (shown, text in row) == (text, True)
    (net,) = listed["networks"]
    assert (net["ip"], net["mask"], net["ip6"]) == ("10.77.0.2", "255.255.255.0", "fd77::2")
    assert alone.status == 0, alone.err
    assert "six:ip6=fd77::2" in rkt.ok("list")


def test_without_a_network_the_record_says_so(rkt: Rktpy) -> None:
    assert rkt.run(SHELL, "--", "true").status == 0

    (uuid,) = os.listdir(rkt.data / "pods/run")
    assert (rkt.data / f"pods/run/{uuid}/net-info.json").read_text() == "null"
    assert rkt.status(uuid)["networks"] == ""


def test_networks_come_in_the_order_of_their_files(rkt: Rktpy, local: Path) -> None:
    ipam = {"type": "host-local", "subnet": "10.77.0.0/24"}
    configure(local, "10-mine", type="ptp", ipam=ipam, name="mine")

    done = rkt(f"--local-config={local}", "run", "--net=default,mine", SHELL, "--", "ip addr")

    assert done.status == 0, done.err
    first, second = done.out.index("inet 10.77.0.2/24"), done.out.index("inet 172.16.28.2/24")
    assert first < done.out.index(": eth1@") < second


def test_of_two_default_routes_the_first_counts(rkt: Rktpy, local: Path) -> None:
    everywhere = [{"dst": "0.0.0.0/0"}]
    ipam = {"type": "host-local", "subnet": "10.77.0.0/24", "routes": everywhere}
    configure(local, "10-first", cniVersion="1.0.0", type="ptp", ipam=ipam)

    words = ("run", f"--local-config={local}", "--net=all", SHELL, "--")

    shown = rkt(*words, "ip route").out
    with rkt.start(*words, "sleep 300") as pod:
        pod.ready()
        checked = rkt.ok("network", "check")

    assert "default via 10.77.0.1 dev eth0" in shown
    assert shown.count("default via") == 1
    assert checked.endswith(" ok\n")


def test_networks_of_the_vendor_and_of_the_user(rkt: Rktpy, tmp_path: Path) -> None:
    for place, subnet in (
        ("vendor", "10.1.0.0/24"),
        ("local", "10.2.0.0/24"),
        ("user", "10.3.0.0/24"),
    ):
        (tmp_path / place / "net.d").mkdir(parents=True)
        ipam = {"type": "host-local", "subnet": subnet}
        configure(tmp_path / place, "n", type="ptp", ipam=ipam)
        configure(tmp_path / place, place, type="ptp", ipam=ipam)
    (tmp_path / "local/net.d/vendor.conf").unlink(missing_ok=True)
    roots = [f"--{kind}-config={tmp_path}/{place}" for kind, place in
             (("system", "vendor"), ("local", "local"), ("user", "user"))]  # fmt: skip

    done = rkt(*roots, "run", "--net=n,vendor", SHELL, "--", "ip addr")

    assert "inet 10.3.0.2/24" in done.out
    assert "inet 10.1.0.2/24" in done.out
    assert f'overriding "n" network with one from {tmp_path}/user/net.d' in done.err


def test_an_address_that_is_asked_for_again_is_free_when_its_pod_has_ended(rkt: Rktpy) -> None:
    """As a unit does that is started again."""
    words = ("run", "--net=default:IP=172.16.28.100", SHELL, "--")

    for _turn in range(2):
        done = rkt(*words, "ip addr")
        assert "inet 172.16.28.100/24" in done.out, done.err
    with rkt.start(*words, "sleep 300") as pod:
        pod.ready()
        refused = rkt(*words, "true")

    text = 'requested IP address "172.16.28.100" is not available in network: default'
    assert (refused.status, text in refused.err) == (254, True)


def test_networks_of_a_pod_that_overlap_are_named(rkt: Rktpy, local: Path) -> None:
    configure(local, "a", type="ptp", ipam={"type": "host-local", "subnet": "10.77.0.0/16"})
    configure(local, "b", type="ptp", ipam={"type": "host-local", "subnet": "10.77.1.0/24"})

    alone, both = (
        rkt(f"--local-config={local}", "run", f"--net={nets}", SHELL, "--", "true")
        for nets in ("a", "a,b")
    )

    text = '10.77.0.0/16 of network "a" and 10.77.1.0/24 of network "b" overlap'
    assert (alone.status, text in alone.err) == (0, False)
    assert (both.status, both.err.count(text)) == (0, 1), both.err


def test_a_plugin_that_fails_leaves_no_pod_and_no_trace(rkt: Rktpy, local: Path) -> None:
    configure(local, "zz", type="bad")
    program(local, "bad", """[ $CNI_COMMAND = DEL ] || { echo '{"msg":"no","code":9}'; exit 1; }""")

    done = rkt(f"--local-config={local}", "run", "--net=default,zz", SHELL)

    assert done.status == 254
    assert 'failed to setup network: error adding network "zz": no' in done.err
    assert rkt.pods() == []
    assert nothing_is_left()


def test_where_no_namespace_can_be_made_nothing_is_left(rkt: Rktpy) -> None:
    """/run/netns is where the names are; here it is a file."""
    (Path("/run") / "netns").write_text("mine")

    done = rkt("run", "--net=default", SHELL)

    assert (done.status, "Traceback" in done.err) == (254, False)
    assert "cannot make the network namespace" in done.err
    assert (rkt.pods(), Path("/run/netns").read_text(), tables()) == ([], "mine", "")


def test_a_network_or_plugin_that_is_not_there_is_told_before_there_is_a_pod(
    rkt: Rktpy, local: Path
) -> None:
    configure(local, "x", type="nowhere")

    missing = rkt("run", "--net=no-such-network", SHELL)
    unknown = rkt(f"--local-config={local}", "run", "--net=x", SHELL)

    assert "stage1: failed to setup network: networks not found: no-such-network" in missing.err
    assert 'error adding network "x": Could not find plugin "nowhere"' in unknown.err
    assert (missing.status, unknown.status, rkt.pods()) == (254, 254, [])


def test_name_servers_of_a_network_reach_the_apps(rkt: Rktpy, local: Path) -> None:
    configure(local, "n", type="dns")
    answer = '{"ip4":{"ip":"10.1.1.1/24"},"dns":{"nameservers":["1.2.3.4"],"search":["a.b"]}}'
    program(local, "dns", f"echo '{answer}'")
    words = (f"--local-config={local}", "run", "--net=n")

    own = rkt(*words, SHELL, "--", "cat /etc/resolv.conf")
    asked = rkt(*words, "--dns=5.6.7.8", SHELL, "--", "cat /etc/resolv.conf")

    assert "Generated from network n" in own.out
    assert "nameserver 1.2.3.4" in own.out
    assert "search a.b" in own.out
    assert "nameserver 5.6.7.8" in asked.out
    assert "1.2.3.4" not in asked.out


def test_a_published_port_leads_to_the_app(rkt: Rktpy, tmp_path: Path) -> None:
    port = {"name": "web", "protocol": "tcp", "port": 80}
    image = shell_aci(tmp_path / "web.aci", "example.com/web", app={"ports": [port]})
    serve = "mkdir /www; echo hello > /www/index.html; busybox httpd -f -p 80 -h /www"

    with rkt.start("run", "--net=default", "--port=web:8080", image, "--", serve) as pod:
        uuid = pod.ready()
        page = pod.until(fetch_page, "page")
        taken = rkt("run", "--net=default", "--port=web:8080", image, "--", "true")
        rkt.ok("stop", uuid)

    assert page == b"hello\n"
    assert f"port tcp-0.0.0.0:8080 is published by pod {uuid}" in taken.err
    assert len(rkt.pods()) == 1
    rkt.ok("gc", "--grace-period=0s")
    assert nothing_is_left()


def test_rules_that_somebody_flushed_come_back(rkt: Rktpy) -> None:
    """With ``gc``, or when somebody asks."""
    with rkt.start("run", "--net=default", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        before = ruleset()
        assert rkt.ok("network", "check") == f"{uuid} ok\n"
        subprocess.run(["nft", "flush", "ruleset"], check=True)
        checked = rkt("network", "check", uuid)

        assert f"pod {uuid}: brought back its rules" in rkt.collect().err
        assert (rkt.collect().err, ruleset()) == ("", before)
        subprocess.run(["nft", "delete", "table", "inet", f"rkt-{uuid}"], check=True)
        assert rkt.ok("network", "reload") == f"{uuid} restored\n"
        assert (rkt.ok("network", "reload", uuid), ruleset()) == (f"{uuid} ok\n", before)
        rkt.ok("stop", uuid)
    gone = rkt("network", "check", uuid)

    assert f"the firewall has lost rules of pod {uuid}" in checked.err
    assert "one or more pods did not pass the check" in checked.err
    assert (checked.status, gone.status) == (254, 254)
    assert "is in no network now" in gone.err


@pytest.mark.parametrize("content", ["", "[0]", "\0\0"])
def test_with_a_damaged_record_all_is_given_back(rkt: Rktpy, content: str) -> None:
    """A power cut may leave the file so, and leases outlast a reboot."""
    assert rkt("run", SHELL, "--", "true").status == 0
    (uuid,) = os.listdir(rkt.data / "pods/run")
    (rkt.data / f"pods/run/{uuid}/net-info.json").write_text(content)

    told = rkt.collect().err

    assert "net-info.json" in told
    assert (rkt.pods(), nothing_is_left()) == ([], True)


def test_a_damaged_record_keeps_no_other_pod_from_its_rules(rkt: Rktpy) -> None:
    words = ("--net=default", SHELL, "--", "sleep 300")
    with rkt.start("run", *words) as first, rkt.start("run", *words) as second:
        uuid, other = first.ready(), second.ready()
        record = rkt.data / f"pods/run/{uuid}/net-info.json"
        whole = record.read_text()
        record.write_text("[0]")
        subprocess.run(["nft", "flush", "ruleset"], check=True)

        told = rkt.collect().err

        record.write_text(whole)
        assert f"pod {other}: brought back its rules" in told
        assert f"pod {uuid}: cannot read" in told


def test_rules_of_a_pod_in_another_network_are_not_made_here(rkt: Rktpy) -> None:
    """As with a unit that has PrivateNetwork=: the timer of gc is outside."""
    with rkt.start("run", "--net=default", SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        outside = subprocess.run(
            ["unshare", "--net", "sh", "-c", f'{shlex.join(rkt.argv("gc"))}; nft list tables'],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        rkt.ok("stop", uuid)

    assert (outside.stdout, "brought back" in outside.stderr) == ("", False)


def test_nobody_else_can_hold_the_locks_of_networks(rkt: Rktpy) -> None:
    assert rkt("run", SHELL, "--", "true").status == 0

    assert os.stat("/run/rktpy/net").st_mode & 0o777 == 0o700


def test_a_check_sees_what_a_pod_has_lost(rkt: Rktpy, local: Path) -> None:
    ipam = {"type": "host-local", "subnet": "10.77.0.0/24"}
    configure(local, "n", cniVersion="1.0.0", type="ptp", ipam=ipam)
    words = (f"--local-config={local}", "--net=n")
    with rkt.start("run", *words, SHELL, "--", "sleep 300") as pod:
        uuid = pod.ready()
        intact = rkt.ok("network", "check", uuid)
        subprocess.run(["ip", "route", "del", "10.77.0.2"], check=True)
        damaged = rkt("network", "check", uuid)

    assert intact == f"{uuid} ok\n"
    assert (damaged.status, "the host has lost the route 10.77.0.2/32" in damaged.err) == (
        254,
        True,
    )


def test_a_full_network_gives_out_addresses_of_pods_that_ended(rkt: Rktpy, local: Path) -> None:
    ipam = {"type": "host-local", "subnet": "10.77.0.0/30"}  # one address beside the gateway
    configure(local, "tiny", type="ptp", ipam=ipam)
    words = ("run", f"--local-config={local}", "--net=tiny", SHELL, "--")

    for _turn in range(3):
        assert "inet 10.77.0.2/30" in rkt(*words, "ip addr").out
    with rkt.start(*words, "sleep 300") as pod:
        pod.ready()
        full = rkt(*words, "true")

    assert full.status == 254
    assert "no IP addresses available in network: tiny" in full.err


def fetch_page() -> bytes:
    try:
        with urllib.request.urlopen("http://127.0.0.1:8080/", timeout=10) as answer:
            return bytes(answer.read())
    except OSError:
        return b""  # not listening yet


def test_after_a_reboot_a_lease_is_still_given_back(rkt: Rktpy) -> None:
    assert rkt("run", SHELL, "--", "true").status == 0
    (name,) = os.listdir("/run/netns")
    subprocess.run(["umount", f"/run/netns/{name}"], check=True)
    os.unlink(f"/run/netns/{name}")
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    shutil.rmtree("/run/rktpy", ignore_errors=True)

    assert rkt("gc", "--grace-period=0s").err.count("eth0") == 0
    assert (rkt.pods(), nothing_is_left()) == ([], True)


def test_a_user_namespace_has_networks_too(rkt: Rktpy) -> None:
    done = rkt("run", "--private-users", SHELL, "--", "ip addr show eth0")

    assert "inet 172.16.28.2/24" in done.out, done.err


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or dead and not collected yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("kill", [os.kill, os.killpg])  # as somebody, as a terminal
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_does_not_wait_for_a_slow_plugin(
    rkt: Rktpy,
    local: Path,
    tmp_path: Path,
    number: signal.Signals,
    kill: Callable[[int, int], None],
) -> None:
    configure(local, "slow", type="slow")
    script = f"[ $CNI_COMMAND = DEL ] && exit; echo $$ > {tmp_path}/pid; exec sleep 1000"
    program(local, "slow", script)
    words = rkt.argv("run", f"--local-config={local}", "--net=default,slow", SHELL)
    run = subprocess.Popen(words, stderr=subprocess.PIPE, start_new_session=True)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "plugin")
    plugin = int((tmp_path / "pid").read_text())

    kill(run.pid, number)
    _out, err = run.communicate(timeout=60)

    assert (run.returncode, b"Traceback" in err) == (-number, False)
    until(lambda: has_ended(plugin), "end of the plugin")
    rkt.ok("gc", "--grace-period=0s")
    assert (rkt.pods(), nothing_is_left()) == ([], True)
