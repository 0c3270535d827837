"""``rktpy`` with a ``net.d`` of its own, pods in networks, and what must be gone after them."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests.integration.run.images import SHELL
from tests.integration.run.rk import COMMAND, Rktpy, until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.integration.run.rk import Arg, Running

LEASES = "/var/lib/cni/networks"
# Answers every request with the host name of its pod, on IPv4 and IPv6.
SERVE = "hostname >/tmp/index.html; exec busybox httpd -f -p {port} -h /tmp"


class Netted(Rktpy):
    """Pods join the networks that their own ``--net`` says, the default one if none does."""

    insecure = "image"

    def __init__(self, data: Path, home: Path) -> None:
        super().__init__(data)
        self.local = home / "etc"
        (self.local / "net.d").mkdir(parents=True)

    def argv(self, *args: Arg) -> list[str]:
        options = [
            f"--dir={self.data}",
            f"--local-config={self.local}",
            f"--insecure-options={self.insecure}",
        ]
        return [str(COMMAND), *options, *[os.fspath(arg) for arg in args]]

    @staticmethod
    def network(args: Sequence[Arg]) -> list[str]:
        del args
        return []

    def configure(self, name: str, *, file: str = "", **fields: Any) -> Path:
        """Write the configuration of a network; return its file."""
        path = self.local / f"net.d/{file or f'{name}.conf'}"
        path.write_text(json.dumps({"name": name} | fields))
        return path

    def program(self, name: str, script: str) -> None:
        """Write a plugin that is a shell script."""
        path = self.local / f"net.d/{name}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def info(self, uuid: str) -> list[dict[str, Any]]:
        """Return what ``net-info.json`` says."""
        (path,) = self.data.glob(f"pods/*/{uuid}/net-info.json")
        found: list[dict[str, Any]] = json.loads(path.read_text())
        return found

    def serve(self, *options: str, port: int = 80) -> Running:
        """Start a pod that answers every request with its host name."""
        return self.start("run", *options, SHELL, "--", SERVE.format(port=port))

    def ask(self, uuid: str, address: str, port: int = 80, *, seconds: int = 10) -> str:
        """Return what a server answers a pod of the shell image over http, or why it does not.

        By nc: a static wget dies of looking names up in an image without a C library.
        """
        script = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w {seconds} {address} {port}"
        done = self("enter", uuid, "/bin/sh", "-c", script)
        return done.out.partition("\r\n\r\n")[2].strip() or f"{done.status} {done.err.strip()}"

    def addresses(self, uuid: str) -> list[str]:
        """Return the addresses of the pod, without length, as its first network gave them."""
        entry = self.info(uuid)[0]
        return [str(one["address"]).partition("/")[0] for one in entry["result"]["ips"]]


def host_local(*subnets: str, routes: Sequence[str] = (), **fields: Any) -> dict[str, Any]:
    """Return the section ``ipam`` of a network with one range for each of ``subnets``."""
    ranges = [[{"subnet": subnet}] for subnet in subnets]
    return {
        "type": "host-local", "ranges": ranges, "routes": [{"dst": dst} for dst in routes], **fields
    }  # fmt: skip


def remains() -> list[str]:
    """Return the namespaces, links, rules and leases of pods that are there."""
    leases = [
        f"{where}/{name}"
        for where, _, names in os.walk(LEASES)
        for name in names
        if name[0] in "0123456789abcdef" and ("." in name or ":" in name)
    ]
    names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    names = [name for name in names if name.startswith("cni-")]
    ports = [f"{where}/{name}" for where, _, found in os.walk("/run/rktpy/net") for name in found]
    return [*names, *links(), *tables(), *leases, *ports]


def nothing_remains() -> bool:
    """Whether all of it is gone, once the kernel had the time it takes to reap links."""
    return until(lambda: not remains(), f"end of {remains()}")


def links(*kind: str) -> list[str]:
    """Return the host's ends of links to pods; or its links of the kind ``("type", …)``."""
    argv = ["ip", "-j", "link", "show", *kind]
    found = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout or "[]")
    return [one["ifname"] for one in found if kind or one["ifname"].startswith("veth")]


def forget_bridges() -> None:
    """Take away the bridges that networks have made: they stay for the next pod."""
    for name in links("type", "bridge"):
        subprocess.run(["ip", "link", "delete", name], check=True)


def tables() -> list[str]:
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
