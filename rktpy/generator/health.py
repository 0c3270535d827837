"""Health checks of a pod: lines and units that ask its apps through ``rktpy enter``. Pure.

Directives and a shell's loop do it; no process of ours stays between two checks. See ADR 27.
"""

from __future__ import annotations

from rktpy.generator.names import unit_name, unit_reference
from rktpy.generator.words import exec_line, literal
from rktpy.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from rktpy.generator.apps import App
    from rktpy.generator.ini import Problem

_SHELL = "/bin/sh"
_UNTIL_HEALTHY = 'until "$@"; do sleep 1; done'
# The arguments: how often, what to do then, of which unit; behind these the check.
_CHECK = (
    'most=$1 act=$2 unit=$3; shift 3; tries=1; until "$@"; do'
    ' if [ "$tries" -ge "$most" ]; then'
    ' echo "<3>unhealthy, $tries times in a row"; [ "$act" = none ] ||'
    ' systemctl --no-block "$act" "$unit"; exit 1; fi;'
    " tries=$((tries + 1)); sleep 1; done"
)
_UNITS = ("", "s", "m", "h")  # what timeout(1) and systemd.time(7) both take


class Check(Value):
    """A health check of one app. Times are texts like ``30s``."""

    part: str  # of the names of its units: -health, or -health-APP
    command: tuple[str, ...]  # with rktpy enter in front
    interval: str
    retries: int
    on_failure: str
    gates: bool  # Notify=healthy: the unit is up when the check has passed once


def read_checks(
    apps: Sequence[App], enter: Sequence[str], pod: str, problems: list[Problem]
) -> tuple[Check, ...]:
    """Return the checks of ``apps``; ``enter`` is ``rktpy … enter``, ``pod`` the pod's name."""
    return tuple(
        check
        for app in apps
        if (check := _read(app, enter, pod, alone=len(apps) == 1, problems=problems))
    )


def start_lines(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return the values of ``ExecStartPost=`` that hold the unit back until all is well."""
    return tuple(
        exec_line((_SHELL, "-c", _UNTIL_HEALTHY, "health", *check.command))
        for check in checks
        if check.gates
    )


def check_units(stem: str, source: str, checks: Sequence[Check]) -> tuple[tuple[str, str], ...]:
    """Return name and text of the timers and services that go on checking."""
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
        arguments = (str(check.retries), check.on_failure, pod)
        line = exec_line((_SHELL, "-c", _CHECK, "health", *arguments, *check.command))
        service = (
            f"{head}Requisite={pod}\nPartOf={pod}\n\n[Service]\nType=oneshot\nExecStart={line}\n"
        )
        units += [
            (unit_name(stem, ".timer", check.part), timer),
            (unit_name(stem, ".service", check.part), service),
        ]
    return tuple(units)


def _read(
    app: App, enter: Sequence[str], pod: str, *, alone: bool, problems: list[Problem]
) -> Check | None:
    settings = app.settings
    command = settings.all("HealthCmd")
    gates = settings.one("Notify") == "healthy"
    if not command:
        for name in ("Notify", "HealthInterval", "HealthRetries", "HealthTimeout"):
            entry = settings.entry(name)
            if entry and (name != "Notify" or gates):
                problems.append(entry.problem(f"{name}= needs a HealthCmd="))
        return None
    for name in ("HealthInterval", "HealthTimeout"):
        entry = settings.entry(name)
        if entry and not _is_time(entry.value):
            problems.append(entry.problem(f"{name}=: write a time like 30s, 5m, 1h"))
    retries = settings.one("HealthRetries", "3")
    entry = settings.entry("HealthRetries")
    if entry and not (retries.isascii() and retries.isdigit() and 0 < int(retries[:9]) < 1000):
        problems.append(entry.problem("HealthRetries=: write a number from 1 to 999"))
        retries = "3"
    timeout = ("/usr/bin/timeout", "-k", "5", settings.one("HealthTimeout", "30s"))
    named = (f"--app={app.name}",) if app.name else ()
    return Check(
        part="-health" if alone else f"-health-{app.name}",
        command=(*timeout, *enter, "--as-app", *named, pod, *command),
        interval=settings.one("HealthInterval", "30s"),
        retries=int(retries),
        on_failure=settings.one("HealthOnFailure", "none"),
        gates=gates,
    )


def _is_time(text: str) -> bool:
    number = text.rstrip("smh")
    return (
        number.isascii()
        and number.isdigit()
        and int(number[:9]) > 0
        and text[len(number) :] in _UNITS
    )
