"""Pods that are declared in ``/etc/rktpy`` of a booted host, and what systemd makes of them."""

from __future__ import annotations

import contextlib
import json
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
_ALONE = _WEB.replace("Requires=db.pod\nAfter=db.pod\n", "")
# Nobody could make a pod of these. Of each one line is told.
_HOSTILE = """\
cd /etc/rktpy
ln -s loop.pod loop.pod
ln -s /dev/zero endless.pod
ln -s /proc/self/mem memory.pod
mkfifo fifo.pod
mkdir directory.pod
head -c 2000000 /dev/zero | tr '\\0' '#' >huge.pod
head -c 65536 /bin/sh >program.pod
for name in 'a blank' '%n' 'x..%2f..' 'a@@' 'b@1'; do cp web.pod "$name.pod"; done
cp web.pod looped.pod
ln -s looped.pod.d looped.pod.d
"""
_LOADED = ("web.service", "loop.service", "program.service", "looped.service")
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
        told = pods.journal("--unit=web@one.service")
        host.run(["rm", "/srv/gate/well", "/srv/gate/open"])
        host.wait_until('test "$(systemctl show db.service -p InvocationID)" != "$1"',
                        f"InvocationID={first['InvocationID']}")  # fmt: skip
        host.run(["touch", "/srv/gate/open"])
        host.wait_until("systemctl is-active db.service && systemctl is-active db-health.timer")

    assert "db.service" in wanted.split()
    assert "rm:" not in told  # nothing was there to be removed
    assert (waiting, healthy) == (["activating", "inactive"], "active")


def check_a_boot_starts_it(pods: Pods, boot: Callable[[], object]) -> None:
    """Let ``boot`` start what ``WantedBy=`` of a file asks for; nobody else reloads systemd.

    What is wrong with another file is in the journal, though that did not run at the time.
    """
    pods.host.write(f"{_ETC}/wrong.pod", _WRONG)
    text = _ALONE.replace("%i", "boot")
    pods.host.write(f"{_ETC}/web-boot.pod", f"{text}\n[Install]\nWantedBy=multi-user.target\n")
    boot()
    pods.host.wait_until("systemctl is-active web-boot.service")
    pods.host.wait_until("rktpy logs web-boot | grep -x 'web of boot is up'")
    told = pods.journal("-b", "-k", "SYSLOG_IDENTIFIER=rktpy-generator").splitlines()
    pods.host.sh('systemctl stop web-boot.service; cd "$1"; rm web-boot.pod wrong.pod', _ETC)
    pods.host.run(["systemctl", "daemon-reload"])
    assert told == [f"{_ETC}/wrong.pod:5: Imgae=: there is no such key",
                    f"{_ETC}/wrong.pod:4: [App web] has no Image="]  # fmt: skip


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


def check_hostile_files_harm_nobody(pods: Pods) -> None:
    """``daemon-reload`` ends, other pods have their units, and one line is told of each."""
    host = pods.host
    with declared(pods, {"web.pod": _ALONE}):
        names = host.sh(f"{_HOSTILE}ls -I web.pod -I looped.pod").stdout.splitlines()
        since = host.run(["date", "+@%s.%N"]).stdout.strip()
        host.run(["systemctl", "daemon-reload"])
        states = [pods.properties(unit, "LoadState")["LoadState"] for unit in _LOADED]
        text = host.run(
            ["journalctl", "--no-pager", "-q", f"--since={since}", "-o", "json",
             "SYSLOG_IDENTIFIER=rktpy-generator"]
        ).stdout  # fmt: skip
        host.sh('cd "$1"; rm -rf -- *.pod looped.pod.d', _ETC)
    told = sorted(json.loads(line)["CODE_FILE"] for line in text.splitlines())

    assert states == ["loaded"] * len(_LOADED)
    assert told == sorted(f"{_ETC}/{name}" for name in names)


def _state(pods: Pods, unit: str) -> str:
    return pods.properties(unit, "ActiveState")["ActiveState"]
