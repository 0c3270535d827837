"""``make uninstall`` on a booted host with pods and units; it is of no use afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support import host_image
from tests.support.pods_on_host import SHELL, Pods, shell

if TYPE_CHECKING:
    from tests.support.remote import RemoteHost

_POD = f"""\
[Pod]
InsecureOptions=image
Network=none
[App]
Image={SHELL}
Args="exec sleep 1000"
"""
_UNIT = f"[Service]\nExecStart=/usr/bin/rkt run {SHELL}\n"
# Prints which of our units systemd knows.
_KNOWN = "; ".join(
    f"systemctl {what} --no-legend 'rktpy-gc*' || :"
    for what in ("list-unit-files", "list-units --all", "list-timers --all")
)
_SLOW = "/run/systemd/system/rktpy-gc.service.d"  # so that it still runs
_OTHER = "[Service]\nExecStart=/bin/true\n"


def check_only_data_stays(host: RemoteHost) -> None:
    """Run a pod as a service, the timer and what it starts, uninstall: what was installed is gone,
    with what systemd knew of it; units that need it are told, and the pod runs until somebody stops
    it.
    """
    Pods(host).stock(shell)
    host.sh("mkdir -p /etc/rktpy")
    host.write("/etc/rktpy/web.pod", _POD)
    host.write("/etc/systemd/system/old.service", _UNIT)
    host.write("/etc/systemd/system/other.service", _OTHER)
    host.sh("systemctl daemon-reload; systemctl start web.service")
    host.write(f"{_SLOW}/slow.conf", "[Service]\nExecStartPre=sleep 1000\n")
    host.sh("systemctl daemon-reload; systemctl enable --now rktpy-gc.timer")
    host.wait_until("systemctl is-active rktpy-gc.service | grep -qx activating")
    images = host.sh("ls /var/lib/rkt/cas/imageManifest /var/lib/rkt/pods/run").stdout

    said = host.run(["bash", "-euo", "pipefail", "-c", _recipe()]).stdout

    assert [line for line in said.splitlines() if line.startswith("cannot")] == [
        "cannot start any more: /etc/rktpy/web.pod",
        "cannot start any more: /etc/systemd/system/old.service",
    ], said
    assert _left(host) == ""
    host.wait_until(f'test -z "$({_KNOWN})"')  # systemd forgets units a moment later
    host.sh(f"rm -r {_SLOW}")
    host.sh("systemctl is-active web.service && ! test -e /run/systemd/generator/web.service")
    host.sh("systemctl stop web.service; ! systemctl is-active web.service")
    assert host.sh("ls /var/lib/rkt/cas/imageManifest /var/lib/rkt/pods/run").stdout == images


def _recipe() -> str:
    """Return what ``make uninstall`` would do; the host has no make."""
    words = ["make", "--no-print-directory", "--dry-run", "uninstall", "PREFIX=/usr"]
    words.append(f"PYTHON={sys.executable}")
    return subprocess.run(
        words, cwd=host_image.CHECKOUT, check=True, capture_output=True, text=True
    ).stdout


def _left(host: RemoteHost) -> str:
    """Return which files of an installation are there, and what else has our name."""
    code = host_image.lowers()[0]
    installed = [
        os.path.join("/", os.path.relpath(f"{where}/{name}", code))
        for where, _, names in os.walk(code)
        for name in names
    ]
    assert "/usr/bin/rktpy" in installed
    look = 'for file; do if [ -e "$file" ] || [ -L "$file" ]; then echo "$file"; fi; done'
    found = host.sh(look, *installed).stdout
    return (
        found
        + host.sh(
            "find /usr /etc -name '*rktpy*' -not -path '/etc/rktpy*' -not -name 'rktpy-test*'"
        ).stdout
    )
