"""Since which version systemd knows what we write for it: facts about systemd, not about rktpy.

Read from its own tables at every release tag from 229 to 256: ``load-fragment-gperf.gperf.in`` for
the directives, the options of ``nspawn.c``, and NEWS. What is older than 229 is 229 here.
"""

from __future__ import annotations

# The versions that issue 6 names, one that is to come, and one that cannot be told.
NAMED = (239, 247, 252, 255, 257, 258)
SUPPORTED = (252, 255, 257, 258)
FUTURE = 999
UNKNOWN = 0

DIRECTIVES = {
    229: """
        After AllowIsolate Before BindIPv6Only CPUQuota CPUShares CapabilityBoundingSet
        Conflicts DefaultDependencies Description EnvironmentFile ExecStart ExecStartPre
        ExecStop ExecStopPost FailureAction FileDescriptorName FileDescriptorStoreMax Group
        IgnoreSIGPIPE KillSignal ListenDatagram ListenFIFO ListenNetlink ListenSequentialPacket
        ListenStream MountFlags NoNewPrivileges OOMScoreAdjust OnFailure PassCredentials
        PassEnvironment PassSecurity ReceiveBuffer RefuseManualStart RemainAfterExit Requires
        Restart RestartForceExitStatus RestartSec RootDirectory RuntimeDirectory Service Slice
        SocketMode Sockets StandardError StandardInput StandardOutput StartLimitBurst
        StopWhenUnneeded SupplementaryGroups Symlinks SyslogIdentifier SystemCallErrorNumber
        SystemCallFilter TasksMax TimeoutSec TimeoutStartSec Type User Wants WatchdogSec
        WorkingDirectory
    """,
    232: """
        CPUWeight IOReadBandwidthMax IOReadIOPSMax IOWriteBandwidthMax IOWriteIOPSMax MemoryMax
        ReadOnlyPaths ReadWritePaths StartLimitIntervalSec TriggerLimitBurst
    """,
    233: "BindPaths BindReadOnlyPaths MountAPIVFS",
    235: "RuntimeDirectoryPreserve",
    236: "LogExtraFields SuccessAction",
    240: "FailureActionExitStatus",
    247: "FlushPending Timestamping",
    249: "OnSuccess",
    254: "RestartMode",
}
# With cgroup v1 went what only it has (NEWS 258).
REMOVED = {258: "CPUShares"}
# Words that came later than the directive or option they stand in.
VALUES = {
    "Type=exec": 240,
    "SuccessAction=exit-force": 240,
    "StandardOutput=file:": 236,
    "SystemCallFilter=~@known": 247,
}
NSPAWN_OPTIONS = {
    219: """
        bind bind-ro boot capability directory drop-capability keep-unit link-journal machine
        private-users quiet register tmpfs uuid
    """,
    220: "kill-signal property",
    226: "settings",
    231: "notify-ready",
    239: "resolv-conf timezone",
    242: "console",
    249: "private-users-ownership",
    256: "background",
}
# For PID 1 of a container, which reads them where a kernel's command line would be.
KERNEL_WORDS = {229: "systemd.default_standard_output systemd.log_target systemd.show_status"}


def since(table: dict[int, str], word: str) -> int | None:
    """Return the version that brought ``word``, or None if ``table`` does not have it."""
    return next((version for version, words in table.items() if word in words.split()), None)
