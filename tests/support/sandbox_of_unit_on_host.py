"""Units that restrict what is started in them (systemd.exec(5)), on a booted host: the pod runs,
or the reason is told with the directive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.pods_on_host import POD_SERVICE, SHELL

if TYPE_CHECKING:
    from tests.support.pods_on_host import Pods

# Directives of a unit in which pods run as ever.
HARMLESS = (
    ("RootDirectory=/",),
    ("NoNewPrivileges=yes", "PrivateTmp=yes", "PrivateMounts=yes"),
    ("ProtectSystem=full", "ProtectHome=yes", "ProtectKernelTunables=yes", "PrivateDevices=yes"),
    ("ProtectProc=invisible", "LockPersonality=yes", "RestrictRealtime=yes",
     "RestrictSUIDSGID=yes", "MemoryDenyWriteExecute=yes", "PrivateNetwork=yes"),
    ("ProtectSystem=strict", "ReadWritePaths=/var/lib/rkt /run /var/log/journal"),
    ("CapabilityBoundingSet=~CAP_SYS_PTRACE CAP_NET_RAW CAP_MKNOD", "DevicePolicy=closed",
     "Slice=custom.slice", "OOMPolicy=kill", "LogNamespace=apart"),
)  # fmt: skip
# Directives with which there is no pod, and what is said of them.
REFUSED = {
    ("PrivateUsers=yes",): "has users of its own (remove PrivateUsers= from it",
    ("CapabilityBoundingSet=CAP_CHOWN",): "has no CAP_SYS_CHROOT and no CAP_SYS_ADMIN, which",
    ("SystemCallFilter=@system-service",): "remove SystemCallFilter= and RestrictNamespaces=",
    ("SystemCallFilter=~@mount", "SystemCallErrorNumber=EPERM"): "forbids system calls that a pod",
    ("RestrictNamespaces=yes",): "remove SystemCallFilter= and RestrictNamespaces=",
    ("ProtectControlGroups=yes",): "is read-only (remove ProtectControlGroups= from it",
    ("ProtectSystem=strict",): "add to the unit: ReadWritePaths=/var/lib/rkt /run",
    ("ProtectSystem=strict", "ReadWritePaths=/var/lib/rkt"): "add to it: ReadWritePaths=/run",
    ("DynamicUser=yes",): "cannot run as unprivileged user",
}


def check_pods_run_in_units_that_restrict_what_they_do_not_need(pods: Pods) -> None:
    """Also all that is not in the way of any of it."""
    for directives in HARMLESS:
        status, said = _run(pods, directives)
        assert status == 7, (directives, said)


def check_units_that_no_pod_can_live_in_are_told(pods: Pods) -> None:
    """A line each; of what some of them could not even remove gc leaves nothing."""
    for directives, words in REFUSED.items():
        status, said = _run(pods, directives)
        assert (status, words in said, said.count("\n")) == (254, True, 1), (directives, said)
    pods.rktpy("gc", "--grace-period=0s")
    assert pods.rktpy("list", "--no-legend").strip() == ""


def check_a_unit_that_no_pod_can_live_in_replaces_none(pods: Pods) -> None:
    """The pod that has the name runs on: nothing could take its place."""
    argv = pods.argv(SHELL, "exec sleep infinity", options=["--pod-name=web"])
    old = pods.from_shell(argv).wait_active()
    status, said = _run(pods, ("ProtectControlGroups=yes",), "--replace", "--pod-name=web")
    assert (status, "is read-only" in said) == (254, True), said
    assert old.status()["state"] == "running", said
    pods.rktpy("stop", old.uuid)
    old.wait_end()


def _run(pods: Pods, directives: tuple[str, ...], *options: str) -> tuple[int, str]:
    """Run a pod that ends with 7 in such a unit; return its status and what it complained of."""
    all_ = [*directives, *(f"{key}={value}" for key, value in POD_SERVICE.items())]
    properties = [word for each in all_ for word in ("-p", each)]
    unit = ["systemd-run", "--quiet", "--collect", "--wait", "--pipe", *properties]
    result = pods.host.run([*unit, *pods.argv(SHELL, "exit 7", options=options)], status=None)
    if result.status != 7:
        return result.status, result.stderr
    pods.rktpy("gc", "--grace-period=0s")
    return 7, ""
