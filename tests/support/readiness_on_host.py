"""When a pod's service is active on a booted host, and what of its apps' words reaches whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import archive
from tests.support.ctools import build_static
from tests.support.images import build_aci
from tests.support.pods_on_host import NOTIFY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pods_on_host import Pods, StartedPod

TELL = "example.com/tell"  # tests/support/talk/tell.c; the pod waits for its READY=1
GATE = "/srv/gate"
AT_GATE = (f"--volume=gate,kind=host,source={GATE}", "--mount=volume=gate,target=/gate")
# An app's own systemd, as its commands see it: the pod has no bus for systemctl -M.
_SYSTEMCTL = """\
leader=$(machinectl show --property=Leader --value "$1"); shift
exec nsenter --all --target="$leader" systemctl "$@"
"""


def tell(path: Path) -> None:
    """Write a program that says to systemd what its arguments are."""
    program = build_static("tell", [Path(__file__).with_name("talk") / "tell.c"])
    files = {"/tell": archive.Entry("", mode=0o755, source=program)}
    build_aci(path, name=TELL, exec=["/tell"], files=dict(files), annotations=NOTIFY)


def gate(pods: Pods) -> Iterator[None]:
    """Make the gate, shut; take it away when the pods of the test are gone."""
    pods.host.run(["mkdir", GATE])
    yield
    pods.clean()
    pods.host.run(["rm", "-r", GATE])


def systemctl_in(pod: StartedPod, *words: str) -> str:
    """Return what ``systemctl`` says when it runs in the namespaces of ``pod``."""
    return pod.pods.host.sh(_SYSTEMCTL, pod.machine, *words).stdout


def told(pod: StartedPod, app: str = "tell") -> str:
    """Return the last ``STATUS=`` of an app, as its own systemd keeps it."""
    return systemctl_in(pod, "show", "--property=StatusText", "--value", f"{app}.service").strip()


def open_gate(pods: Pods) -> None:
    """Let what waits at the gate go on."""
    pods.host.sh(f": >{GATE}/open")


def check_active_when_the_app_says_so(pods: Pods) -> None:
    """The words of the app are for its own systemd, those of the pod for the host's."""
    steps = ("say=STATUS=warming up", "wait=/gate/open", "say=READY=1|STATUS=serving", "serve")
    pod = pods.as_service(
        pods.argv(TELL, *steps, options=AT_GATE), wait=False, Type="notify"
    )  # fmt: skip
    pods.host.wait_until('rktpy logs "$1" | grep -q "waiting for /gate/open"', pod.uuid)
    before = pod.properties("ActiveState", "StatusText"), told(pod)
    pods.rktpy("status", "--wait-ready=100ms", pod.uuid, status=254)
    open_gate(pods)
    pod.wait_active()
    pods.host.wait_until('systemctl is-active "$1"', pod.unit)
    after = pod.properties("ActiveState", "SubState", "StatusText"), told(pod)
    pods.host.run(["systemctl", "stop", pod.unit])

    assert before == (
        {"ActiveState": "activating", "StatusText": "Container running."},
        "warming up",
    )
    assert after == (
        {"ActiveState": "active", "SubState": "running",
         "StatusText": "Container running: Ready."},
        "serving",
    )  # fmt: skip
    assert pods.rktpy("logs", pod.uuid).splitlines()[-1] == "bye"
    assert pod.properties("Result") == {"Result": "success"}


def check_whether_an_app_is_waited_for_is_its_user_s_choice(pods: Pods) -> None:
    """Images of registries cannot say it themselves."""
    annotation = "--annotation=appc.io/executor/supports-systemd-notify=false"
    argv = [*pods.argv(TELL), annotation, "--", "wait=/never"]
    pod = pods.as_service(argv, Type="notify", TimeoutStartSec="120s")

    assert pod.properties("ActiveState") == {"ActiveState": "active"}
    assert told(pod) == ""


def check_reload_reaches_the_app(pods: Pods) -> None:
    """``ExecReload=`` as docs/how-to/systemd.md has it."""
    enter = "nsenter --all --target=$$(pgrep --parent $MAINPID)"
    line = f"{enter} systemctl kill --kill-who=main --signal=HUP tell.service"
    command = pods.argv(TELL, "say=READY=1", "serve")
    pod = pods.as_service(command, Type="notify", ExecReload=f"/bin/sh -c '{line}'")
    main = pod.properties("MainPID")
    pods.host.run(["systemctl", "reload", pod.unit])
    pods.host.wait_until('rktpy logs "$1" | grep "read its configuration"', pod.uuid)

    assert pod.properties("MainPID", "ActiveState") == main | {"ActiveState": "active"}
    text = ("show", "--property=StatusText", "--value", "tell.service")
    pods.host.wait_until(f'test "$({_SYSTEMCTL})" = serving', pod.machine, *text)


def check_one_who_is_never_ready_fails(pods: Pods, *, deaf: bool) -> None:
    """``TimeoutStartSec=`` of the host's unit is what ends the wait; nothing stays."""
    steps = ["deaf"] if deaf else []
    pod = pods.as_service(
        pods.argv(TELL, *steps, "wait=/gate/open", options=AT_GATE),
        wait=False, Type="notify", TimeoutStartSec=f"{2 + pods.host.slowness:.0f}s",
        TimeoutStopSec="2s" if deaf else "60s",
    )  # fmt: skip
    pods.host.wait_until('rktpy logs "$1" | grep -q "waiting for /gate/open"', pod.uuid)
    pods.host.wait_until('systemctl is-failed "$1"', pod.unit)
    pod.wait_unregistered()

    assert pod.properties("Result", "ControlGroup") == {"Result": "timeout", "ControlGroup": ""}
    assert pod.processes("tell") == []
    assert pods.states() == {pod.uuid: "exited"}
    assert pod.status().get("app-tell") == "0"  # as any app that is stopped with its pod


def check_a_silent_app_is_killed(pods: Pods) -> None:
    """Its own systemd misses it, so the pod fails, and the unit with it."""
    watch = "--annotation=rktpy/app/watchdog=2s"
    argv = [*pods.argv(TELL), watch, "--", "say=READY=1", "env=WATCHDOG_USEC", "wait=/never"]
    pod = pods.as_service(argv, Type="notify", Restart="on-failure", RestartSec="1h")

    assert pod.properties("ActiveState")["ActiveState"] in ("active", "activating")
    pods.host.wait_until('rktpy status "$1" | grep -x app-tell=6', pod.uuid)
    pods.host.wait_until('systemctl show "$1" -p SubState --value | grep auto-restart', pod.unit)
    assert pod.properties("Result", "ExecMainStatus") == {
        "Result": "exit-code",
        "ExecMainStatus": "6",
    }
    assert "WATCHDOG_USEC=2000000" in pods.rktpy("logs", pod.uuid).splitlines()


def check_a_fed_watchdog_lets_the_app_live(pods: Pods) -> None:
    """For twice the time after which it would be killed; and then it falls silent."""
    watch = "--annotation=rktpy/app/watchdog=2s"
    argv = [*pods.argv(TELL, options=(*AT_GATE, "--inherit-env")), watch,
            "--", "say=READY=1", "feed=/gate/open", "wait=/never"]  # fmt: skip
    pod = pods.as_service(argv, Type="notify", WatchdogSec="2s")
    (process,) = pod.processes("tell")
    past = 'test "$(cut -d. -f1 /proc/uptime)" -ge "$1"'
    uptime = int(pods.host.read("/proc/uptime").split(".")[0])
    pods.host.wait_until(past, str(uptime + 5))
    alive = pod.processes("tell")
    open_gate(pods)
    pods.host.wait_until('systemctl is-failed "$1"', pod.unit)

    assert alive == [process]
    assert pod.status()["app-tell"] == "6"
    assert "watches systemd-nspawn" not in pods.journal(f"--unit={pod.unit}")


def check_the_watchdog_of_a_unit_is_nspawn_s(pods: Pods) -> None:
    """It neither kills a pod whose apps say nothing, nor pretends to watch them."""
    pod = pods.as_service(pods.argv(TELL, "say=READY=1", "wait=/never"), WatchdogSec="2s")
    uptime = int(pods.host.read("/proc/uptime").split(".")[0])
    pods.host.wait_until('test "$(cut -d. -f1 /proc/uptime)" -ge "$1"', str(uptime + 5))

    assert pod.properties("ActiveState", "Result") == {
        "ActiveState": "active",
        "Result": "success",
    }
    said = [line for line in pods.journal(f"--unit={pod.unit}").splitlines() if "Watchdog" in line]
    assert said == [
        "stage1: warning: WatchdogSec= of the unit watches systemd-nspawn and no app"
        " (--annotation=rktpy/app/watchdog=2s after an image has the pod watch that one)"
    ]
