"""What `rktpy logs` asks journalctl for."""

from __future__ import annotations

from rktpy.verbs.logs import journalctl_argv


def test_lines_are_those_of_the_apps_only() -> None:
    argv = journalctl_argv("/pod/journal", ["web", "db"], follow=False)

    assert argv[0] == "journalctl"
    assert "--directory=/pod/journal" in argv
    assert argv[-2:] == ["SYSLOG_IDENTIFIER=web", "SYSLOG_IDENTIFIER=db"]
    assert "--follow" not in argv


def test_following_starts_with_what_is_there() -> None:
    argv = journalctl_argv("/pod/journal", ["web"], follow=True)

    assert {"--follow", "--lines=all"} <= set(argv)
