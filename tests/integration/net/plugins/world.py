"""A pod's namespace, plugins of two makers, and what the kernel has afterwards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rktpy.host import netns
from rktpy.net.call import Call
from rktpy.net.ipam.host_local import HostLocal
from rktpy.net.result import read_result, render

if TYPE_CHECKING:
    from rktpy.net.call import Plugin

UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
CNI = "/usr/lib/cni"
SWITCHES = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding")
V4, V6 = [{"subnet": "10.77.0.0/24"}], [{"subnet": "fd77::/64"}]


def host_local(kind: str) -> Plugin:
    assert kind == "host-local"
    return HostLocal()


def fields(kind: str, *ranges: Any, **more: Any) -> dict[str, Any]:
    """Return a configuration with addresses of ``ranges``, and a default route for each family."""
    destinations = ["::/0" if ":" in one[0]["subnet"] else "0.0.0.0/0" for one in ranges]
    ipam = {
        "type": "host-local",
        "ranges": list(ranges),
        "routes": [{"dst": one} for one in dict.fromkeys(destinations)],
        "dataDir": "/run/leases",
    }
    return {"type": kind, "ipam": ipam, **more} if ranges else {"type": kind, **more}


def call_of(config: dict[str, Any], version: str, pod: str, container: str = UUID) -> Call:
    place = f"/var/run/netns/{pod}"
    return Call(container, place, "eth0", "", "n", version, config)


def foreign(command: str, call: Call) -> dict[str, Any]:
    """Run Debian's program of the type."""
    environment = {
        "CNI_COMMAND": command, "CNI_CONTAINERID": call.container, "CNI_NETNS": call.netns,
        "CNI_IFNAME": call.interface, "CNI_ARGS": call.arguments, "CNI_PATH": CNI,
        "PATH": os.environ["PATH"],
    }  # fmt: skip
    done = subprocess.run(
        [f"{CNI}/{call.fields['type']}"],
        input=json.dumps(call.config()).encode(),
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return dict(json.loads(done.stdout or "{}"))


def ip(pod: str, *words: str) -> Any:
    argv = ["ip", "-j", *(["-n", pod] if pod else []), *words]
    return json.loads(subprocess.run(argv, capture_output=True, check=True).stdout or "[]")


def anonymous(document: object) -> Any:
    """Return JSON without the parts that are random: MACs and names of host ends."""
    text = re.sub(r"\bveth[0-9a-f]{8}\b", "vethX", json.dumps(document))
    return json.loads(re.sub(r'"([0-9a-f]{2}:){5}[0-9a-f]{2}"', '"MAC"', text))


def state(pod: str) -> dict[str, Any]:
    """Return what matters of both namespaces: links, addresses, routes, switches."""
    _settle(pod)
    found: dict[str, Any] = {}
    for name in ("", pod):
        found[f"links of {name or 'host'}"] = sorted(
            map(_link, ip(name, "-d", "address")), key=lambda link: str(link["name"])
        )
        known = [_route(one) for family in ("-4", "-6")
                 for one in ip(name, family, "route", "show", "table", "all")]  # fmt: skip
        found[f"routes of {name or 'host'}"] = sorted(
            (one for one in known if not one["dst"].startswith(("fe80", "ff00", "multicast"))),
            key=str,
        )
    found["switches"] = [Path(path).read_text().strip() for path in SWITCHES]
    return dict(anonymous(found))


def _settle(pod: str) -> None:
    """Wait until the kernel has told all links who they are, and asked for all addresses."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        links = [link for name in ("", pod) for link in ip(name, "address")]
        if not any(
            link["operstate"] not in ("UP", "UNKNOWN")
            or any(one.get("tentative") for one in link["addr_info"] if _ours(one))
            for link in links
        ):
            return
        time.sleep(0.05)
    raise AssertionError("links or addresses do not settle")


def _ours(address: dict[str, Any]) -> bool:
    """Return whether somebody gave the link this address, not the kernel."""
    return not address["local"].startswith("fe80")


def _link(link: dict[str, Any]) -> dict[str, Any]:
    info = link.get("linkinfo", {})
    flags = {"UP", "PROMISC", "ALLMULTI"} & set(link["flags"])
    return {
        "name": link["ifname"],
        "mtu": link["mtu"],
        "flags": sorted(flags),
        "operstate": link["operstate"],
        "promiscuity": link["promiscuity"],
        "master": link.get("master"),
        "kind": info.get("info_kind"),
        "mode": info.get("info_data", {}).get("mode"),
        "filtering": info.get("info_data", {}).get("vlan_filtering"),
        "hairpin": info.get("info_slave_data", {}).get("hairpin"),
        "addresses": sorted(
            [str(one.get(key)) for key in ("local", "prefixlen", "scope", "broadcast")]
            for one in link["addr_info"]
            if _ours(one)
        ),
    }


def _route(route: dict[str, Any]) -> dict[str, Any]:
    keys = ("type", "dst", "gateway", "dev", "table", "protocol", "scope", "prefsrc", "metric")
    return {key: route.get(key) for key in keys}


def switch_off() -> None:
    """Have the host pass nothing on."""
    for path in SWITCHES:
        with open(path, "w") as file:
            file.write("0")


def difference(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Return one line for each thing that only one of two states has."""
    lines = {
        who: [f"{key}: {json.dumps(one)}" for key, value in found.items() for one in value]
        for who, found in (("theirs", theirs), ("ours", ours))
    }
    return [
        f"{who}: {line}"
        for who, other in (("theirs", "ours"), ("ours", "theirs"))
        for line in lines[who]
        if line not in lines[other]
    ]


def both(plugin: Plugin, call: Call, pod: str) -> tuple[Any, Any, Any, Any]:
    """Return result and state of Debian's program and of ``plugin``, one after the other in equal
    places; what ``plugin`` made stays."""
    told = foreign("ADD", call)
    theirs = state(pod)
    foreign("DEL", call)
    netns.remove(pod)
    netns.make(pod)
    for link in ip("", "link", "show", "type", "bridge"):
        subprocess.run(["ip", "link", "del", link["ifname"]], check=True)
    subprocess.run(["rm", "-rf", "/run/leases"], check=True)
    switch_off()
    result = plugin.add(call)
    assert read_result(render(result, "1.0.0")) == result
    return anonymous(told), theirs, anonymous(render(result, call.version)), state(pod)
