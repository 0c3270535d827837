"""What an app sees around it: names, files of /etc, kernel paths, devices, limits, network."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.run.images import INSPECT, SHELL

if TYPE_CHECKING:
    from tests.integration.run.rk import Rktpy

FALLBACK = "127.0.0.1 localhost localhost.domain localhost4 localhost4.localdomain4"


def cat(path: str) -> tuple[str, ...]:
    return ("--", f"cat {path}")


def test_the_host_name_is_the_uuid_or_as_asked(rkt: Rktpy, tmp_path: Path) -> None:
    file = tmp_path / "uuid"

    own = rkt.run(f"--uuid-file-save={file}", SHELL, "--", "hostname; cat /etc/hostname; echo")
    asked = rkt.run(SHELL, "--hostname=custom-name", "--", "hostname; cat /etc/hostname; echo")

    assert own.lines() == [f"rkt-{file.read_text()}"] * 2
    assert asked.lines() == ["custom-name"] * 2


def test_hosts_fall_back_to_loopback_and_the_name_of_the_pod(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--hostname=me", *cat("/etc/hosts"))

    assert f"{FALLBACK} me" in done.lines()


def test_hosts_of_the_image_win_over_the_fallback(rkt: Rktpy) -> None:
    done = rkt.run(f"{INSPECT}-hosts", "--", "--file-name=/etc/hosts", "--read-file")

    assert done.lines() == ["<<<preexisting etc>>>"]


def test_hosts_entries_are_added(rkt: Rktpy) -> None:
    done = rkt.run("--hosts-entry=128.66.0.99=host1", f"{INSPECT}-hosts", "--exec=/inspect",
                   *("--", "--file-name=/etc/hosts", "--read-file"))  # fmt: skip

    assert "128.66.0.99 host1" in "\n".join(done.lines())


def test_hosts_can_be_those_of_the_host(rkt: Rktpy) -> None:
    done = rkt.run("--hosts-entry=host", INSPECT, "--", "--file-name=/etc/hosts", "--hash-file")

    assert done.lines() == [f"sha1sum: {_sha1('/etc/hosts')}"]


def test_a_volume_on_hosts_wins(rkt: Rktpy, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("mine\n")
    options = (
        f"--volume=h,kind=host,source={tmp_path}/hosts",
        "--mount=volume=h,target=/etc/hosts",
    )

    assert rkt.run(*options, SHELL, *cat("/etc/hosts")).lines() == ["mine"]


def test_resolv_conf_is_absent_unless_asked_for(rkt: Rktpy) -> None:
    assert rkt.run(SHELL, "--", "test ! -e /etc/resolv.conf").status == 0
    assert rkt.run("--dns=none", SHELL, "--", "test ! -e /etc/resolv.conf").status == 0


def test_resolv_conf_is_written_from_the_options(rkt: Rktpy) -> None:
    options = (
        "--dns=8.8.8.8", "--dns=8.8.4.4", "--dns-search=foo.com", "--dns-search=bar.com",
        "--dns-opt=debug", "--dns-opt=rotate", "--dns-domain=example.net",
    )  # fmt: skip

    done = rkt.run(*options, SHELL, *cat("/etc/resolv.conf"))

    assert done.lines()[-5:] == [
        "search foo.com bar.com",
        "nameserver 8.8.8.8",
        "nameserver 8.8.4.4",
        "options debug rotate",
        "domain example.net",
    ]


def test_resolv_conf_can_be_that_of_the_host(rkt: Rktpy) -> None:
    done = rkt.run("--dns=host", INSPECT, "--", "--file-name=/etc/resolv.conf", "--hash-file")

    assert done.lines() == [f"sha1sum: {_sha1('/etc/resolv.conf')}"]


def test_there_is_an_mtab(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--", "readlink /etc/mtab; readlink /dev/log; test -e /dev/ptmx")

    assert (done.status, done.lines()[0]) == (0, "../proc/self/mounts")


def test_kernel_paths_are_covered(rkt: Rktpy) -> None:
    script = (
        "stat -c %A /sys/firmware /proc/kallsyms; echo x >/proc/sys/vm/panic_on_oom; "
        "echo x >/proc/sys/kernel/core_pattern; cat /proc/kallsyms"
    )

    done = rkt.run(SHELL, "--", script)

    assert done.lines()[:2] == ["d---------", "----------"]
    assert sum("Read-only file system" in line for line in done.lines()[2:]) == 2
    assert len(done.lines()) == 4  # nothing of kallsyms


def test_keys_and_timers_of_the_host_are_covered(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--", "cat /proc/keys /proc/timer_list; echo $?")

    assert [line.rpartition(" ")[2] for line in done.lines() if "No such file" not in line] == ["0"]


def test_nothing_can_be_put_into_a_cover(rkt: Rktpy) -> None:
    paths = ("/sys/firmware", "/sys/module", "/sys/fs", "/proc/kallsyms")
    tries = [f"echo x >{path}/x; echo x >{path}; rmdir {path}" for path in paths]

    done = rkt.run(SHELL, "--", f"{'; '.join(tries)}; ls /sys/fs /sys/module; cat /proc/kallsyms")

    assert len(done.lines()) == 3 * len(paths) + 2  # each try an error, and the two names by ls


def test_kernel_paths_can_be_uncovered(rkt: Rktpy) -> None:
    done = rkt(
        *("--insecure-options=image,paths", "run", "--net=none", SHELL),
        *("--", "stat -c %A /proc/kallsyms"),
    )

    assert done.lines() == ["-r--r--r--"]


def test_ordinary_devices_are_there_and_others_cannot_be_made(rkt: Rktpy) -> None:
    script = "cd /dev; ls -d null zero full random urandom tty console pts shm ptmx"
    there = rkt.run(SHELL, "--", script)
    null = rkt.run(INSPECT, "--", "--check-mknod=c:1:3:/null")

    assert (there.status, len(there.lines())) == (0, 10)
    assert null.lines() == ["mknod /null: succeed"]


def test_memory_and_cpu_options_are_accepted(rkt: Rktpy) -> None:
    options = ("--memory=42Mi", "--cpu=900m", "--cpu-shares=512", "--oom-score-adj=42")

    done = rkt.run(SHELL, *options, *cat("/proc/self/oom_score_adj"))
    image = rkt.run(f"{INSPECT}-limited")

    assert (done.status, done.lines()) == (0, ["42"])
    assert image.status == 0


def test_without_a_network_there_is_only_loopback_and_it_is_up(rkt: Rktpy) -> None:
    done = rkt("run", "--net=none", SHELL, "--", "ls /sys/class/net; cat /proc/net/dev | wc -l")
    address = rkt("run", "--net=none", INSPECT, "--", "--print-ipv4=lo", "--print-netns")

    assert done.lines()[0] == "lo"
    assert "lo IPv4: 127.0.0.1" in address.lines()
    assert f"NetNS: {os.readlink('/proc/self/ns/net')}" not in address.lines()


def test_the_network_of_the_host_is_the_callers(rkt: Rktpy) -> None:
    done = rkt("run", "--net=host", INSPECT, "--", "--print-netns")

    assert done.lines() == [f"NetNS: {os.readlink('/proc/self/ns/net')}"]


def test_the_ipc_namespace_is_private_unless_asked(rkt: Rktpy) -> None:
    host = f"IPCNS: {os.readlink('/proc/self/ns/ipc')}"

    private = rkt.run(INSPECT, "--", "--print-ipcns")
    shared = rkt.run("--ipc=parent", INSPECT, "--", "--print-ipcns")
    odd = rkt.run("--ipc=supercalifragilisticexpialidocious", INSPECT, "--", "--print-ipcns")

    assert private.lines() != [host]
    assert shared.lines() == [host]
    assert (odd.status, odd.lines()) == (254, [])
    assert "unknown value for --ipc parameter: supercali" in odd.err


def test_apps_have_mount_namespaces_of_their_own(rkt: Rktpy) -> None:
    done = rkt.run(INSPECT, "--caps-retain=CAP_SYS_PTRACE", "--", "--check-mountns")

    assert done.lines() == ["check-mountns: DIFFERENT"]


def test_standard_input_is_no_terminal(rkt: Rktpy) -> None:
    assert rkt.run(INSPECT, "--", "--check-tty").lines() == ["stdin is not a terminal"]


def _sha1(path: str) -> str:
    return hashlib.sha1(Path(path).read_bytes(), usedforsecurity=False).hexdigest()
