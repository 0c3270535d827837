"""What a limited app can read of its control groups, and that it can only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

LIMITS = ("--memory=32Mi", "--cpu=500m")
# As scripts do; as runtimes do: the path of /proc/self/cgroup below the first mount that may be it.
READ = """
own() { grep ":$1:" /proc/self/cgroup | cut -d: -f3; }
first() { grep -m1 -E " - cgroup [^ ]+ ([^ ]*,)?$1(,|\\$)" /proc/self/mountinfo | cut -d' ' -f5; }
cd /sys/fs/cgroup
cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us
cat "$(first memory)$(own memory)/memory.limit_in_bytes" "$(first cpu)$(own cpu)/cpu.cfs_quota_us"
cat cpuset/cpuset.cpus >/dev/null && echo cpuset
"""
CHANGE = """
cd /sys/fs/cgroup
for file in $(find . -name memory.limit_in_bytes) $(find . -name cgroup.procs); do
    echo 1 >$file && echo changed $file
done
find . -type d -exec mkdir {}/more \\; 2>/dev/null
ls -d $(find . -name more)
"""


def with_applets(script: str) -> str:
    for name in ("cut", "find", "mkdir"):
        script = script.replace(f"{name} ", f"busybox {name} ")
    return script


@pytest.mark.parametrize("way", ["--no-overlay=false", "--no-overlay", "--private-users"])
def test_an_app_reads_its_limits_where_runtimes_look(rkt: Rktpy, way: str) -> None:
    done = rkt.run(way, SHELL, *LIMITS, "--", with_applets(READ))

    assert done.lines() == ["33554432", "50000", "33554432", "50000", "cpuset"], done


def test_two_apps_see_each_its_own(rkt: Rktpy) -> None:
    words = (SHELL, "--name=one", "--memory=32Mi", "--", with_applets(READ), "---")
    more = (SHELL, "--name=two", "--memory=64Mi", "--cpu=250m", "--", with_applets(READ))
    done = rkt.run(*words, *more)

    assert done.lines("one") == ["33554432", "-1", "33554432", "-1", "cpuset"], done
    assert done.lines("two") == ["67108864", "25000", "67108864", "25000", "cpuset"], done


@pytest.mark.parametrize("way", ["--no-overlay=false", "--private-users"])
def test_an_app_changes_nothing_of_what_it_sees(rkt: Rktpy, way: str) -> None:
    everything = ("--caps-retain=CAP_SYS_ADMIN,CAP_DAC_OVERRIDE", *LIMITS)
    done = rkt.run(way, SHELL, *everything, "--", with_applets(CHANGE))
    lines = done.lines()

    assert len([line for line in lines if "Read-only file system" in line]) >= 4, done
    assert [line for line in lines if "changed" in line or "more" in line] == []


def test_an_app_without_limits_sees_none(rkt: Rktpy) -> None:
    assert rkt.run(SHELL, "--", "echo in: $(ls /sys/fs)").lines() == ["in:"]
