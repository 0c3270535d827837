"""The Debian host that tests boot, as directory trees to be stacked as overlay lowers.

base-<key>     Debian with systemd and what pods need, by mmdebstrap from apt's own sources
wheels-<key>   /usr/lib/rktpy of the Python dependencies
rktpy-<key>    ``make install`` of this checkout

Each is cached by the hash of what it is made of, so a change to the code rebuilds only the
last one. What differs from boot to boot (see ``equip``) goes into the session's upper layer.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import tomllib
import uuid
from typing import TYPE_CHECKING

from tests.support import agent
from tests.support.cache import built, key_of
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECIPE_VERSION = 1  # raise it when the functions below build something else from the same words

PACKAGES = (
    "busybox-static", "ca-certificates", "dbus", "etcd-client", "etcd-server", "iproute2",
    "iptables", "iputils-ping", "kmod", "libpam-systemd", "nftables", "procps", "python3",
    "python3-gi", "redis-server", "redis-tools", "strace", "systemd", "systemd-container",
    "systemd-sysv", "util-linux",
)  # fmt: skip
LEFT_OUT = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*", "/usr/share/info/*")
# They come enabled with their packages, and would be in the way of the pods that run them.
DISABLED_UNITS = ("redis-server.service", "etcd.service", "e2scrub_reap.service")
DISABLED_TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
                   "e2scrub_all.timer", "fstrim.timer")  # fmt: skip
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

HARNESS = "/usr/lib/rktpy-test"  # agent and init, inside the host
AGENT_UNIT = f"""\
[Unit]
Description=Runs the commands of rktpy's tests, as a login shell would
After=systemd-user-sessions.service

[Service]
# PAMName makes logind open a session: what the agent starts is in a session scope, as it
# would be for a user at a terminal, and in no service.
PAMName=login
User=root
ExecStart=/usr/bin/python3 -I {HARNESS}/agent.py
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
KillMode=mixed
"""


def lowers() -> list[str]:
    """Return the finished trees of the host, topmost first, building what is missing."""
    base = base_tree()
    wheels = built("wheels", key_of([RECIPE_VERSION, _dependencies(), base]), _fill_wheels(base))
    code = built("rktpy", key_of([RECIPE_VERSION, _checkout_hash(), wheels]), _fill_code)
    return [code, wheels, base]


def base_tree() -> str:
    """Return the tree of plain Debian, the same release as this machine's."""
    suite, sources = apt_sources()
    recipe = [RECIPE_VERSION, PACKAGES, LEFT_OUT, DISABLED_UNITS, DISABLED_TIMERS]
    key = key_of([*recipe, suite, sources, platform.machine()])

    def fill(path: str) -> None:
        work = f"{path}/.work"
        os.mkdir(work)
        _write(f"{work}/sources.list", "".join(f"{line}\n" for line in sources))
        _write(f"{work}/apt.conf", transport_options())
        tree = f"{path}/root"
        run(
            [
                "mmdebstrap", "--mode=root", "--variant=minbase", f"--keyring={KEYRING}",
                f"--include={','.join(PACKAGES)}", f"--aptopt={work}/apt.conf",
                *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT),
                suite, tree, f"{work}/sources.list",
            ]
        )  # fmt: skip
        _settle(tree)
        shutil.rmtree(work)

    return f"{built('base', key, fill)}/root"


def apt_sources() -> tuple[str, list[str]]:
    """Return the suite of this machine's Debian and its source lines, as apt is configured."""
    text = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
         "Created-By: Packages", "Origin: Debian"]
    )  # fmt: skip
    seen = sorted({tuple(line.split()) for line in text.splitlines() if len(line.split()) == 3})
    suites = {suite for _, suite, _ in seen}
    main = min((suite for suite in suites if "-" not in suite), default="")
    if not main:
        raise RuntimeError("apt knows no Debian archive; a Debian host with sources is needed")
    lines = [f"deb {uri} {suite} {part}" for uri, suite, part in seen if part == "main"]
    return main, lines


def equip(root: str, *, name: str) -> None:
    """Write what differs from boot to boot below ``root``: names, the agent, its unit."""
    _write(f"{root}/etc/machine-id", f"{uuid.uuid4().hex}\n")
    _write(f"{root}/etc/hostname", f"{name}\n")
    _write(f"{root}/etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n")
    _write(f"{root}/etc/default/locale", "LANG=C.UTF-8\n")
    _write(f"{root}{HARNESS}/agent.py", _read(agent.__file__))
    unit_dir = f"{root}/etc/systemd/system"
    _write(f"{unit_dir}/rktpy-test-agent.service", AGENT_UNIT)
    os.makedirs(f"{unit_dir}/multi-user.target.wants", exist_ok=True)
    wanted = f"{unit_dir}/multi-user.target.wants/rktpy-test-agent.service"
    os.symlink("../rktpy-test-agent.service", wanted)
    _write(f"{root}/etc/systemd/system.conf.d/test.conf", "[Manager]\nDefaultTimeoutStopSec=15s\n")
    os.makedirs(f"{root}/var/log/journal", exist_ok=True)  # makes journald keep its files


def _settle(tree: str) -> None:
    """Make the finished base repeatable: no services of its own, nothing of this machine in it."""
    units = [*DISABLED_UNITS, *DISABLED_TIMERS]
    run(["systemctl", f"--root={tree}", "mask", *units])
    for name in ("etc/apt/sources.list", "etc/apt/apt.conf.d/99mmdebstrap", "etc/resolv.conf"):
        if os.path.lexists(f"{tree}/{name}"):
            os.unlink(f"{tree}/{name}")


def transport_options() -> str:
    """apt's settings about reaching the archive (proxy, certificates), nothing else."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries",
              "Acquire::Max-", "Acquire::ForceIPv")  # fmt: skip
    lines = run(["apt-config", "dump"]).splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith(wanted))


def _dependencies() -> list[str]:
    with open(f"{CHECKOUT}/pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    return sorted(project["dependencies"])


def _fill_wheels(base: str) -> Callable[[str], None]:
    def fill(path: str) -> None:
        python = os.path.basename(os.path.realpath(f"{base}/usr/bin/python3"))
        other = python != f"python3.{sys.version_info.minor}"
        version = python.removeprefix("python")
        foreign = [f"--python-version={version}", "--only-binary=:all:"] if other else []
        run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-input",
             "--root-user-action=ignore", *foreign, f"--target={path}/usr/lib/rktpy",
             *_dependencies()]
        )  # fmt: skip

    return fill


def _fill_code(path: str) -> None:
    """The wheel of this checkout, by its own ``make install``."""
    run(["make", "-s", "install", f"DESTDIR={path}", "PREFIX=/usr", "DEPS=no", "ALIAS=rkt",
         f"PYTHON={sys.executable}"], cwd=CHECKOUT)  # fmt: skip


def _checkout_hash() -> str:
    """Hash of every file that ends in the installed package."""
    digest = hashlib.sha256()
    files = [f"{CHECKOUT}/{name}" for name in ("pyproject.toml", "Makefile")]
    for folder in ("rktpy", "stage1", "docs/man"):
        for where, folders, names in os.walk(f"{CHECKOUT}/{folder}"):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            files += [f"{where}/{name}" for name in sorted(names)]
    for name in files:
        if os.path.isfile(name):
            digest.update(f"{name[len(CHECKOUT) :]}\0{os.stat(name).st_mode}\0".encode())
            digest.update(hashlib.sha256(_read(name).encode("utf-8", "surrogateescape")).digest())
    return digest.hexdigest()


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
