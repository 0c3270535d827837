"""The timer that collects pods, as an administrator changes it, on a booted host."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.support.pods_on_host import SHELL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods
    from tests.support.remote import RemoteHost

_DROP_IN = "/run/systemd/system/rktpy-gc.service.d"
_RAN = "systemctl show rktpy-gc.service -p ExecMainExitTimestampMonotonic --value"


@contextlib.contextmanager
def _grace(host: RemoteHost, period: str) -> Iterator[None]:
    host.write(f"{_DROP_IN}/grace.conf", f"[Service]\nEnvironment=GRACE_PERIOD={period}\n")
    host.sh("systemctl daemon-reload")
    try:
        yield
    finally:
        host.sh(f"systemctl stop rktpy-gc.timer rktpy-gc.service; rm -r {_DROP_IN}")
        host.sh("systemctl daemon-reload")


def check_timer_collects(pods: Pods) -> None:
    """Start the timer twice, with a long and with no grace period."""
    host = pods.host
    pods.run(SHELL, "exit 0")
    before = list(pods.states().values())
    with _grace(host, "1h"):
        host.sh("systemctl start rktpy-gc.timer")
        host.wait_until(f'test "$({_RAN})" -gt 0')
        kept = list(pods.states().values())
    last = host.sh(_RAN).stdout.strip()
    with _grace(host, "0s"):
        host.sh("systemctl start rktpy-gc.timer")
        host.wait_until(f'test "$({_RAN})" != "$1"', last)
        after = pods.states()

    assert (before, kept, after) == (["exited"], ["exited garbage"], {})
    assert pods.properties("rktpy-gc.service", "Result", "ExecMainStatus", "Nice") == {
        "Result": "success",
        "ExecMainStatus": "0",
        "Nice": "10",
    }
    # Nothing of the boot waits for it: only its timer starts it.
    needed = host.sh("systemctl list-dependencies --plain --all multi-user.target").stdout.split()
    assert "rktpy-gc.service" not in needed
