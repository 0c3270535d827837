"""Images of services as Debian installs them: a binary, the libraries it needs and its accounts.

``redis_aci`` and ``etcd_aci`` are the real services that the demo and the system tests run.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import archive
from tests.support.elf import library_closure
from tests.support.images import build_aci, host_arch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Account:
    """A user with a group of the same name inside an image."""

    name: str
    uid: int
    gid: int
    home: str = "/"


@dataclass(frozen=True)
class Service:
    """A service to put into an image.

    ``ports`` maps port names to TCP ports, ``mounts`` names to paths; ``directories`` are made for
    the account. The installed version of the Debian ``package`` becomes the version label.
    """

    name: str
    binary: str
    arguments: Sequence[str] = ()
    package: str = ""
    account: Account | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    directories: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    extra_binaries: Sequence[str] = ()


def find_binary(name: str) -> Path:
    """Return the path of an installed program; a link is kept, as its name may choose what it does.

    Raises:
        FileNotFoundError: it is not installed.
    """
    where = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if where is None:
        raise FileNotFoundError(f"{name} is not installed (make setup installs it)")
    return Path(where)


def debian_version(package: str) -> str:
    """Return the upstream part of an installed package's version (``7.0.15``), or ``0``."""
    command = ["dpkg-query", "--show", "--showformat", "${Version}", package]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    version = result.stdout.rpartition(":")[2].rpartition("-")[0]
    return version or "0"


def closure_files(binaries: Sequence[Path]) -> dict[str, archive.Entry]:
    """Return entries for ``binaries`` and their libraries at the paths the linker opens them by.

    Library links are followed: the image holds plain files under the names that are asked for.
    """
    files: dict[str, archive.Entry] = {}
    for path in [*binaries, *library_closure(list(binaries))]:
        mode = path.stat().st_mode & 0o7777
        files[str(path)] = archive.Entry("", mode=mode, source=path.resolve())
    return files


def service_aci(path: Path, service: Service, **options: Any) -> Path:
    """Write the image of ``service`` to ``path``; ``options`` go to ``build_aci``."""
    binaries = [find_binary(name) for name in (service.binary, *service.extra_binaries)]
    account = service.account or Account("root", 0, 0, "/root")
    files = closure_files(binaries)
    files |= _account_files(account)
    files["/tmp"] = archive.directory(0o1777)
    for where in (*service.directories, *service.mounts.values()):
        files[where] = archive.directory(0o755, uid=account.uid, gid=account.gid)
    app: dict[str, Any] = {
        "workingDirectory": account.home if account.home in files else "/",
        "environment": [{"name": k, "value": v} for k, v in service.environment.items()],
        "mountPoints": [{"name": k, "path": v} for k, v in service.mounts.items()],
        "ports": [
            {"name": k, "protocol": "tcp", "port": v, "count": 1, "socketActivated": False}
            for k, v in service.ports.items()
        ],
    }
    manifest = {
        "name": service.name,
        "exec": [str(binaries[0]), *service.arguments],
        "labels": {"os": "linux", "arch": host_arch(), "version": debian_version(service.package)},
        "user": account.name,
        "group": account.name,
        "app": app,
    }
    return build_aci(path, files=files, **{**manifest, **options})


def redis(port: int = 6379) -> Service:
    """Return Debian's redis-server, on loopback, data below ``/var/lib/redis``."""
    return Service(
        name="debian.org/redis-server",
        binary="redis-server",
        package="redis-server",
        arguments=(
            "--port", str(port), "--bind", "127.0.0.1", "--dir", "/var/lib/redis",
            "--daemonize", "no", "--save", "", "--loglevel", "notice",
        ),
        account=Account("redis", 499, 499, "/var/lib/redis"),
        ports={"redis": port},
        mounts={"data": "/var/lib/redis"},
    )  # fmt: skip


def etcd(client: int = 2379, peer: int = 2380) -> Service:
    """Return Debian's etcd as a one-member cluster on loopback, data below ``/var/lib/etcd``."""
    peer_url = f"http://127.0.0.1:{peer}"
    client_url = f"http://127.0.0.1:{client}"
    return Service(
        name="debian.org/etcd",
        binary="etcd",
        package="etcd-server",
        arguments=(
            "--name", "pod", "--data-dir", "/var/lib/etcd",
            "--listen-client-urls", client_url, "--advertise-client-urls", client_url,
            "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url,
            "--initial-cluster", f"pod={peer_url}",
        ),
        account=Account("etcd", 498, 498, "/var/lib/etcd"),
        ports={"client": client, "peer": peer},
        mounts={"data": "/var/lib/etcd"},
    )  # fmt: skip


def redis_aci(path: Path, *, port: int = 6379, **options: Any) -> Path:
    """Write the image of Debian's redis-server listening on ``port`` of loopback."""
    return service_aci(path, redis(port), **options)


def etcd_aci(path: Path, *, client: int = 2379, peer: int = 2380, **options: Any) -> Path:
    """Write the image of Debian's etcd."""
    return service_aci(path, etcd(client, peer), **options)


def _account_files(account: Account) -> dict[str, archive.Entry]:
    users = ["root:x:0:0:root:/root:/bin/sh"]
    groups = ["root:x:0:"]
    if account.uid:
        users.append(
            f"{account.name}:x:{account.uid}:{account.gid}::{account.home}:/usr/sbin/nologin"
        )
        groups.append(f"{account.name}:x:{account.gid}:")
    return {
        "/etc/passwd": archive.file("\n".join(users) + "\n"),
        "/etc/group": archive.file("\n".join(groups) + "\n"),
        "/etc/nsswitch.conf": archive.file("passwd: files\ngroup: files\nhosts: files dns\n"),
    }
