"""Pods that are declared in ``/etc/rktpy`` of a booted host, and what systemd makes of them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.support.pods_on_host import SHELL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.support.pods_on_host import Pods

_ETC = "/etc/rktpy"
# One that serves when its file is there, one that needs it, a template.
_DB = f"""\
[Pod]
Network=host
InsecureOptions=image
Pull=never
Volume=gate,kind=host,source=/srv/gate

[App db]
Image={SHELL}
Args="echo db is up; until test -e /gate/open; do sleep 0.1; done; touch /gate/well; exec sleep 300"
Mount=volume=gate,target=/gate
HealthCmd=/bin/sh -c "test -e /gate/well"
HealthInterval=1s
HealthRetries=2
HealthOnFailure=restart
Notify=healthy

[Service]
TimeoutStartSec=120
TimeoutStopSec=20

[Install]
WantedBy=multi-user.target
"""
_WEB = f"""\
[Unit]
Requires=db.pod
After=db.pod

[Pod]
Network=host
InsecureOptions=image
Pull=never
Environment=WHO=%i

[App web]
Image={SHELL}
Args="echo web of $WHO is up; exec sleep 300"
Memory=64Mi
"""
_WRONG = "[Pod]\nNetwork=host\n\n[App web]\nImgae=example.com/shell\n"


@contextlib.contextmanager
def declared(pods: Pods, files: Mapping[str, str]) -> Iterator[None]:
    """Put ``files`` into ``/etc/rktpy`` and let systemd read them; take them away again."""
    host = pods.host
    names = [f"{_ETC}/{name}" for name in files]
    for name, text in files.items():
        host.write(f"{_ETC}/{name}", text)
    host.run(["systemctl", "daemon-reload"])
    try:
        yield
    finally:
        host.sh('systemctl stop "db.s*" "web*.service"; rm -rf "$@"', *names)
        host.run(["systemctl", "daemon-reload"])


@contextlib.contextmanager
def _gate(pods: Pods) -> Iterator[None]:
    pods.host.run(["mkdir", "/srv/gate"])
    yield
    pods.host.run(["rm", "-r", "/srv/gate"])


def check_pods_of_files(pods: Pods) -> None:
    """A pod waits for one that is not healthy yet, and a check that fails restarts that."""
    host = pods.host
    with _gate(pods), declared(pods, {"db.pod": _DB, "web@.pod": _WEB}):
        wanted = host.run(["systemctl", "list-dependencies", "--plain", "multi-user.target"]).stdout
        host.run(["systemctl", "start", "--no-block", "web@one.service"])
        host.wait_until("rktpy logs db | grep -q 'db is up'")
        waiting = [_state(pods, "db.service"), _state(pods, "web@one.service")]
        host.run(["touch", "/srv/gate/open"])
        host.wait_until("systemctl is-active web@one.service")
        healthy = _state(pods, "db.service")
        host.wait_until("rktpy logs web-one | grep -x 'web of one is up'")
        first = pods.properties("db.service", "InvocationID")
        host.run(["rm", "/srv/gate/well", "/srv/gate/open"])
        host.wait_until('test "$(systemctl show db.service -p InvocationID)" != "$1"',
                        f"InvocationID={first['InvocationID']}")  # fmt: skip
        host.run(["touch", "/srv/gate/open"])
        host.wait_until("systemctl is-active db.service && systemctl is-active db-health.timer")

    assert "db.service" in wanted.split()
    assert (waiting, healthy) == (["activating", "inactive"], "active")


def check_a_boot_starts_it(pods: Pods, boot: Callable[[], object]) -> None:
    """Let ``boot`` start what ``WantedBy=`` of a file asks for; nobody else reloads systemd."""
    text = _WEB.replace("Requires=db.pod\nAfter=db.pod\n", "").replace("%i", "boot")
    pods.host.write(f"{_ETC}/web-boot.pod", f"{text}\n[Install]\nWantedBy=multi-user.target\n")
    boot()
    pods.host.wait_until("systemctl is-active web-boot.service")
    pods.host.wait_until("rktpy logs web-boot | grep -x 'web of boot is up'")
    pods.host.sh('systemctl stop web-boot.service; rm "$1"', f"{_ETC}/web-boot.pod")
    pods.host.run(["systemctl", "daemon-reload"])


def check_wrong_files_are_told(pods: Pods) -> None:
    """A file with an error becomes a unit that fails and says why; so does the journal."""
    host = pods.host
    since = host.run(["date", "+@%s"]).stdout.strip()
    with declared(pods, {"web.pod": _WRONG}):
        started = host.run(["systemctl", "start", "web.service"], status=1)
        of_unit = pods.journal("--unit=web.service")
        told = host.run(
            ["journalctl", "--no-pager", "-q", f"--since={since}", "-o", "verbose",
             "SYSLOG_IDENTIFIER=rktpy-generator", f"CODE_FILE={_ETC}/web.pod", "CODE_LINE=5"]
        ).stdout  # fmt: skip
        seen = host.run(["rktpy", "generate", "--dry-run"], status=254)
        host.run(["systemctl", "reset-failed"])

    line = f"{_ETC}/web.pod:5: Imgae=: there is no such key"
    assert "systemctl status web.service" in started.stderr
    assert line in of_unit
    assert line in told
    assert line in seen.stderr


def _state(pods: Pods, unit: str) -> str:
    return pods.properties(unit, "ActiveState")["ActiveState"]
