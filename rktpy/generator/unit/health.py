"""Health checks of a pod: the directives and units that check its apps from the host. Pure.

systemd's timers and a loop of the shell suffice; no process remains between two checks (ADR 27).
"""

from __future__ import annotations

from rktpy.generator.file.names import unit_name, unit_reference
from rktpy.generator.file.words import exec_line, literal
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.generator.file.apps import App
    from rktpy.generator.file.ini import Problem
    from rktpy.generator.file.settings import Settings

_SHELL = "/bin/sh"
# A unit whose pod has ended would be starting until its TimeoutStartSec=.
_UNTIL_HEALTHY = (
    'until "$@"; do kill -0 "$MAINPID" 2>/dev/null ||'
    ' { echo "<3>the pod has ended before it was healthy"; exit 1; }; sleep 1; done'
)
# Arguments: number of tries, pause between them, action on failure and its unit; then the check.
_CHECK = (
    'most=$1 pause=$2 act=$3 unit=$4; shift 4; tries=1; until "$@"; do'
    ' if [ "$tries" -ge "$most" ]; then'
    ' echo "<3>unhealthy, $tries times in a row" >&2; [ "$act" = none ] ||'
    ' systemctl --no-block "$act" "$unit"; exit 1; fi;'
    ' tries=$((tries + 1)); sleep "$pause"; done'
)
# Checks run every 30 s and must not fill the journal, so those that pass are silent.
_SERVICE = """\
[Service]
Type=oneshot
StandardOutput=null
SyslogLevel=notice
LogLevelMax=notice
"""
_UNITS = ("", "s", "m", "h")  # what timeout(1), sleep(1) and systemd.time(7) all take
_OF_SHELLS = frozenset(("|", "||", "&&", "&", ";", ">", "<"))


_KEYS = ("HealthCmd", "HealthInterval", "HealthOnFailure", "HealthRetries", "HealthTimeout")


class Check(Value):
    """A health check of one app. Times are texts like ``30s``."""

    part: str  # of the names of its units: -health, or -health-APP
    command: tuple[str, ...]  # on the host
    interval: str
    retries: int
    on_failure: str
    gates: bool  # Notify=healthy: the unit is up when the check has passed once


def read_checks(
    apps: Sequence[App], rktpy: Sequence[str], pod: str, problems: list[Problem]
) -> tuple[Check, ...]:
    """Return the checks of ``apps``; ``rktpy`` has its global options, ``pod`` is the pod's name.

    An app without ``HealthCmd=`` has the check of its image, if any other key of checks is set.
    """
    return tuple(
        check
        for app in apps
        if (check := _read(app, rktpy, pod, alone=len(apps) == 1, problems=problems))
    )


def start_lines(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return the values of ``ExecStartPost=`` that delay the unit until its checks have passed."""
    return tuple(
        exec_line((_SHELL, "-c", _UNTIL_HEALTHY, "health", *check.command))
        for check in checks
        if check.gates
    )


def check_units(stem: str, source: str, checks: Sequence[Check]) -> tuple[tuple[str, str], ...]:
    """Return name and text of the timers and services that repeat the checks."""
    units: list[tuple[str, str]] = []
    for check in checks:
        pod = unit_reference(stem, ".service")
        head = (
            f"[Unit]\nDescription=Health of pod {stem.rstrip('@')}\n"
            f"SourcePath={literal(source)}\nAfter={pod}\n"
        )
        timer = (
            f"{head}BindsTo={pod}\n\n[Timer]\nOnActiveSec={check.interval}\n"
            f"OnUnitInactiveSec={check.interval}\nAccuracySec=1s\n"
        )
        arguments = (str(check.retries), check.interval, check.on_failure, pod)
        line = exec_line((_SHELL, "-c", _CHECK, "health", *arguments, *check.command))
        # A check each second is no loop of failing starts.
        bound = f"Requisite={pod}\nPartOf={pod}\nStartLimitIntervalSec=0\n"
        service = f"{head}{bound}\n{_SERVICE}ExecStart={line}\n"
        units += [
            (unit_name(stem, ".timer", check.part), timer),
            (unit_name(stem, ".service", check.part), service),
        ]
    return tuple(units)


def _read(
    app: App, rktpy: Sequence[str], pod: str, *, alone: bool, problems: list[Problem]
) -> Check | None:
    settings = app.settings
    command = settings.all("HealthCmd")
    asked = [entry for name in _KEYS if (entry := settings.entry(name))]
    gates = settings.one("Notify") == "healthy"
    if command == ("none",) or not (asked or gates):
        entry = settings.entry("Notify")
        if gates and entry:
            problems.append(entry.problem("Notify=healthy needs a check, and HealthCmd= is none"))
        return None
    retries = _judge(settings, problems)
    timeout = ("/usr/bin/timeout", "-k", "5", settings.one("HealthTimeout", "30s"))
    named = (f"--app={app.name}",) if app.name else ()
    if command:
        inside = (*rktpy, "enter", "--as-app", *named, pod, *command)
    else:
        inside = (*rktpy, "healthcheck", *named, pod)
    return Check(
        part="-health" if alone else f"-health-{app.name}",
        command=(*timeout, *inside),
        interval=settings.one("HealthInterval", "30s"),
        retries=retries,
        on_failure=settings.one("HealthOnFailure", "none"),
        gates=gates,
    )


def _judge(settings: Settings, problems: list[Problem]) -> int:
    """Add what is wrong with the keys of a check to ``problems``; return how often it may fail."""
    for name in ("HealthInterval", "HealthTimeout"):
        entry = settings.entry(name)
        if entry and not _is_time(entry.value):
            problems.append(entry.problem(f"{name}=: write a time like 30s, 5m, 1h"))
    entry = settings.entry("HealthCmd")
    if entry and not _OF_SHELLS.isdisjoint(settings.all("HealthCmd")):
        problems.append(entry.problem('HealthCmd=: no shell reads this; write /bin/sh -c "…"'))
    retries = settings.one("HealthRetries", "3")
    entry = settings.entry("HealthRetries")
    if entry and not (retries.isascii() and retries.isdigit() and 0 < int(retries[:9]) < 1000):
        problems.append(entry.problem("HealthRetries=: write a number from 1 to 999"))
        return 1
    return int(retries)


def _is_time(text: str) -> bool:
    number = text.rstrip("smh")
    return (
        number.isascii()
        and number.isdigit()
        and int(number[:9]) > 0
        and text[len(number) :] in _UNITS
    )
