"""A pod whose systemd would find no inotify instance is refused, with what to do."""

from __future__ import annotations

import subprocess
import sys

_TRY = """\
from rktpy.nspawn.launch import InstancesError, check_instances
try:
    check_instances()
except InstancesError as error:
    print(error.message, error.hint, sep="\\n")
else:
    print("enough")
"""
# The limit of a user namespace is its own.
_LIMITED = 'echo "$1" > /proc/sys/user/max_inotify_instances; exec "$2" -c "$3"'


def _said(limit: int) -> list[str]:
    argv = ["unshare", "--user", "--map-root-user", "sh", "-euc", _LIMITED, "sh", str(limit)]
    done = subprocess.run([*argv, sys.executable, _TRY], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_too_few_inotify_instances_are_told_before_the_pod_starts() -> None:
    assert _said(1) == [
        "no inotify instances are left for the pod's systemd and journald",
        "let each user have more: sysctl fs.inotify.max_user_instances=1024",
    ]
    assert _said(2) == ["enough"]
