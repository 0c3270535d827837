"""Images that try to reach the host when they are run: contained, and told in one line.

Whatever an image holds, nothing beside it is read or written. A pod either runs, with the trick
played out inside its own root, or is refused with status 254 and leaves nothing behind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import SHELL, shell_aci, shell_files
from tests.integration.run.test_bad_input import check_refusal
from tests.support import archive

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.integration.run.rk import Done, Rktpy
    from tests.support.images import Content

PRIVATE = "what only the host knows"
WAYS = ("--no-overlay=false", "--no-overlay", "--private-users")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Path]:
    """A directory of the host that images point at; nothing in it may change."""
    path = tmp_path / "host"
    (path / "dir").mkdir(parents=True)
    (path / "secret").write_text(PRIVATE)
    (path / "passwd").write_text("hostuser:x:77:77::/:/bin/sh\n")
    before = state(path)
    yield path
    assert state(path) == before


def state(top: Path) -> dict[str, tuple[int, int, int, int]]:
    found = {}
    for path in (top, *top.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_mode, status.st_uid, status.st_size, status.st_mtime_ns)
    return found


def image(directory: Path, more: Mapping[str, Content], *, without: str = "/") -> Path:
    """Write a shell with ``more`` in it, and without what it has at ``without`` and below."""
    files = {
        name: content
        for name, content in shell_files().items()
        if without == "/" or not f"{name}/".startswith(f"{without}/")
    }
    return shell_aci(directory / "hostile.aci", "example.com/hostile", files=files | dict(more))


def links(host: Path) -> dict[str, Content]:
    """Return every kind of link, file and way out, to mount on and to go through."""
    climb = "../" * 20 + str(host)[1:]
    targets = {
        "absolute": str(host), "relative": climb, "chain": "chain2", "chain2": "/chain3",
        "chain3": f"{climb}/dir", "proc-root": f"/proc/self/root{host}", "proc-cwd": "/proc/1/cwd",
        "proc-fd": "/proc/self/fd/3", "dangling": "/no/where", "loop": "loop2", "loop2": "loop",
    }  # fmt: skip
    made: dict[str, Content] = {f"/{name}": archive.symlink(to) for name, to in targets.items()}
    made |= {f"/long{n}": archive.symlink(f"long{n + 1}") for n in range(300)}
    return made | {
        "/long300": archive.symlink("/"),
        "/file": archive.file("a file"),
        "/fifo": archive.fifo(),
        "/dir/inner": archive.file("inner"),
    }


def volume(kind: str, place: Path, target: str) -> tuple[str, str]:
    """Return the options that mount ``place``, or an empty volume, at ``target``."""
    source = f",source={place}" if kind == "host" else ""
    return f"--volume=vol,kind={kind}{source}", f"--mount=volume=vol,target={target}"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A directory that the user does give to the pod."""
    path = tmp_path / "mine"
    path.mkdir()
    (path / "file").write_text("mine\n")
    return path


@pytest.mark.parametrize("way", ["--no-overlay=false", "--private-users"])  # nspawn's and ours
@pytest.mark.parametrize(
    "target",
    [
        "/absolute", "/absolute/dir", "/absolute/new", "/relative", "/relative/dir",
        "/relative/../new", "/chain", "/chain/new", "/proc-root/dir", "/proc-cwd/new",
        "/proc-fd/new", "/dangling", "/dangling/new", "/dir", "/dir/../../../absolute/dir",
        "/proc/self/root/new",
    ],
)  # fmt: skip
def test_a_mount_target_stays_in_the_image(
    rkt: Rktpy, tmp_path: Path, host: Path, mine: Path, way: str, target: str
) -> None:
    aci = image(tmp_path, links(host))

    done = rkt.run(
        way, *volume("host", mine, target), aci, "--", "grep -c vol /proc/mounts; exit 7"
    )

    assert done.status == 7, done
    assert (mine / "file").read_text() == "mine\n"


@pytest.mark.parametrize("kind", ["host", "empty"])
@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/loop", "too many levels of symbolic links"),
        ("/loop/new", "too many levels of symbolic links"),
        ("/long0/new", "too many levels of symbolic links"),
        ("/file", "not a directory"),
        ("/file/new", "not a directory"),
        ("/fifo", "not a directory"),
        ("/fifo/new", "not a directory"),
        ("/etc/passwd", "not a directory"),
        ("/" + "n" * 300, "file name too long"),
        ("/" + "d/" * 300, "file name too long"),
    ],
)
def test_a_mount_target_that_cannot_be_is_refused(
    rkt: Rktpy, tmp_path: Path, host: Path, mine: Path, kind: str, target: str, reason: str
) -> None:
    done = rkt.run(*volume(kind, mine, target), image(tmp_path, links(host)))

    check_refusal(done, f'cannot mount volume "vol" at "{target}": {reason}', "run")
    assert rkt.pods() == []


def test_a_file_cannot_cover_a_directory(rkt: Rktpy, tmp_path: Path, mine: Path) -> None:
    done = rkt.run(*volume("host", mine / "file", "/dir"), image(tmp_path, links(tmp_path)))

    check_refusal(done, 'cannot mount volume "vol" at "/dir": is a directory', "run")


@pytest.mark.parametrize("name", ["/new\nline", "/col:on", "/back\\slash", "/per%h", '/qu"o te'])
def test_odd_names_of_mount_targets_are_names(rkt: Rktpy, mine: Path, name: str) -> None:
    script = 'cat "$1/file"'

    done = rkt.run(*volume("host", mine, name), SHELL, "--", script, "sh", name)

    assert (done.status, done.lines()) == (0, ["mine"])


ACCOUNTS: dict[str, Content] = {
    "relative": archive.symlink("../" * 20 + "etc/passwd-"),
    "through proc": archive.symlink("/proc/self/root/etc/passwd"),
    "device": archive.symlink("/dev/zero"),
    "loop": archive.symlink("passwd"),
    "fifo": archive.fifo(),
    "directory": archive.directory(),
    "huge": archive.file(b"x" * (17 << 20)),
    "one line": archive.file(b":" * (1 << 20)),
    "bytes": archive.file(bytes(range(256)) * 16),
    "null": archive.device("c", 1, 3),
    "zero": archive.device("c", 1, 5),
}


@pytest.mark.parametrize("option", ["--user=hostuser", "--group=hostuser"])
@pytest.mark.parametrize("trick", ACCOUNTS)
def test_accounts_are_read_from_plain_files_of_the_image(
    rkt: Rktpy, tmp_path: Path, trick: str, option: str
) -> None:
    content = ACCOUNTS[trick]

    done = rkt.run(image(tmp_path, {"/etc/passwd": content, "/etc/group": content}), option)

    check_refusal(done, "unable to determine app's uid and gid", "run")
    assert rkt.pods() == []


def test_accounts_of_the_host_are_not_those_of_the_image(
    rkt: Rktpy, tmp_path: Path, host: Path
) -> None:
    aci = image(tmp_path, {"/etc/passwd": archive.symlink(f"{host}/passwd")})

    done = rkt.run(aci, "--user=hostuser")

    check_refusal(done, '"hostuser" user not found', "run")


def test_numbers_need_no_accounts(rkt: Rktpy, tmp_path: Path) -> None:
    tricks = {"/etc/passwd": archive.fifo(), "/etc/group": archive.symlink("group")}

    done = rkt.run(
        image(tmp_path, tricks), "--user=5", "--group=6", "--", "grep Uid /proc/self/status"
    )

    assert done.lines() == ["Uid:\t5\t5\t5\t5"]


def test_the_owner_of_a_path_is_that_in_the_image(rkt: Rktpy, tmp_path: Path, host: Path) -> None:
    aci = image(tmp_path, {"/out": archive.symlink(str(host))})

    done = rkt.run(aci, "--user=/out/secret")

    check_refusal(done, "no such file or directory", "run")


PLACES = (
    "/dev", "/etc", "/tmp", "/dev/pts", "/dev/shm", "/run/systemd/journal", "/etc/hosts",
    "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/dev/null", "/dev/log", "/dev/ptmx",
    "/dev/console", "/dev/net", "/proc/kcore", "/sys/fs",
)  # fmt: skip
LOOK = "echo ran; cat /etc/hosts /dev/shm/* /tmp/* /run/* /secret 2>/dev/null; exit 7"


def check_contained(done: Done) -> None:
    assert (done.status, done.lines()[:1]) == (7, ["ran"]), done
    assert PRIVATE not in done.out


@pytest.mark.parametrize("to", ["absolute", "relative"])
@pytest.mark.parametrize("place", PLACES)
def test_a_place_of_the_pod_that_is_a_link_stays_in_the_image(
    rkt: Rktpy, tmp_path: Path, host: Path, place: str, to: str
) -> None:
    target = f"{host}/dir" if to == "absolute" else "../" * 20 + f"{str(host)[1:]}/dir"
    aci = image(tmp_path, {place: archive.symlink(target)}, without=place)

    check_contained(rkt.run("--dns=10.0.0.1", aci, "--", LOOK))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", ["/dev", "/etc", "/run", "/tmp"])
def test_a_link_of_the_image_is_no_way_out_in_any_kind_of_pod(
    rkt: Rktpy, tmp_path: Path, host: Path, way: str, place: str
) -> None:
    aci = image(tmp_path, {place: archive.symlink(str(host))}, without=place)

    check_contained(rkt.run(way, "--dns=10.0.0.1", aci, "--", LOOK))


@pytest.mark.parametrize(
    ("place", "content", "reason"),
    [
        ("/proc", archive.symlink("/elsewhere"), '"/proc" of image', ),
        ("/proc", archive.symlink("/proc/self/root/etc"), "too many levels of symbolic links"),
        ("/proc", archive.file("no directory"), "not a directory"),
        ("/proc", archive.fifo(), "not a directory"),
        ("/sys", archive.symlink("../../elsewhere"), "is a link"),
        ("/sys", archive.file(), "not a directory"),
        ("/dev", archive.file(), "not a directory"),
        ("/dev", archive.symlink("dev"), "too many levels of symbolic links"),
        ("/dev/pts", archive.symlink("/"), "is a link"),
        ("/dev/shm", archive.fifo(), "not a directory"),
        ("/dev/null", archive.directory(), "is a directory"),
        ("/run", archive.file(), "not a directory"),
        ("/run", archive.symlink("../../../out"), "is a link"),
        ("/run/systemd", archive.symlink("systemd"), "too many levels of symbolic links"),
        ("/etc", archive.file(), "not a directory"),
        ("/etc", archive.symlink("/etc"), "too many levels of symbolic links"),
        ("/etc/hostname", archive.directory(), "is a directory"),
        ("/etc/resolv.conf", archive.directory(), "is a directory"),
    ],
)  # fmt: skip
def test_a_place_of_the_pod_that_cannot_be_is_refused(
    rkt: Rktpy, tmp_path: Path, place: str, content: Content, reason: str
) -> None:
    aci = image(tmp_path, {place: content}, without=place)

    done = rkt.run("--dns=10.0.0.1", aci)

    check_refusal(done, "cannot mount on", "run")
    assert reason in done.err
    assert rkt.pods() == []


@pytest.mark.parametrize("way", WAYS)
def test_an_image_with_nothing_but_a_program_runs(rkt: Rktpy, tmp_path: Path, way: str) -> None:
    files = {name: what for name, what in shell_files().items() if name.startswith("/bin")}
    aci = shell_aci(tmp_path / "bare.aci", "example.com/bare", files=files)
    script = "ls -d /proc/self /sys/kernel /dev/null /dev/pts /etc/hosts /tmp; exit 7"

    done = rkt.run(way, aci, "--", script)

    assert done.status == 7
    assert len(done.lines()) == 6


def test_a_common_link_of_resolv_conf_works(rkt: Rktpy, tmp_path: Path) -> None:
    odd = '/odd dir/a:b"c\\d%h'
    aci = image(tmp_path, {
        "/etc/resolv.conf": archive.symlink("../run/resolve/stub.conf"),
        "/etc/hosts": archive.symlink(f"..{odd}"),
    })  # fmt: skip

    done = rkt.run("--dns=10.9.8.7", "--hosts-entry=10.1.1.1=one", aci,
                   *("--", "cat /etc/resolv.conf /run/resolve/stub.conf /etc/hosts"))  # fmt: skip

    assert done.lines().count("nameserver 10.9.8.7") == 2
    assert "10.1.1.1 one" in done.lines()


@pytest.mark.parametrize(
    "program", ["/absolute/secret", "/relative/secret", "/loop", "/proc-root/secret"]
)
def test_a_program_outside_of_the_image_is_not_there(
    rkt: Rktpy, tmp_path: Path, host: Path, program: str
) -> None:
    (host / "secret").chmod(0o644)

    done = rkt.run(image(tmp_path, links(host)), f"--exec={program}")

    assert done.status == 203
    assert done.lines() == [f'Error: Unable to open "{program}": No such file or directory']


@pytest.mark.parametrize("program", ["/fifo", "/dir", "/dev/zero", "/dev/console"])
def test_a_program_that_is_no_file_ends_the_pod(
    rkt: Rktpy, tmp_path: Path, host: Path, program: str
) -> None:
    assert rkt.run(image(tmp_path, links(host)), f"--exec={program}").status == 203


@pytest.mark.parametrize("directory", ["/absolute/dir", "/relative/dir", "/loop", "/file", "/fifo"])
def test_a_working_directory_outside_of_the_image_is_not_there(
    rkt: Rktpy, tmp_path: Path, host: Path, directory: str
) -> None:
    done = rkt.run(image(tmp_path, links(host)), f"--working-dir={directory}")

    check_refusal(done, f'has no working directory "{directory}"', "run")
    assert rkt.pods() == []


def test_a_working_directory_that_the_kernel_lacks_is_told(rkt: Rktpy) -> None:
    done = rkt.run(SHELL, "--working-dir=/proc/no/such", "--", "true")

    assert done.status == 200
    assert done.lines() == ["Error: Unable to enter the working directory"]


def pod_manifest(rkt: Rktpy, path: Path, **app: object) -> Path:
    """Write the manifest of a pod of the shell; ``app`` are keys of its one app."""
    lines = rkt.ok("image", "list", "--full", "--no-legend").splitlines()
    (key,) = [line.split("\t")[0] for line in lines if f"\t{SHELL}" in line]
    command = {"exec": ["/bin/true"], "user": "0", "group": "0"}
    manifest = {
        "acVersion": "0.8.11", "acKind": "PodManifest",
        "apps": [{"name": "shell", "image": {"id": key}, "app": command} | app],
        "volumes": [{"name": "vol", "kind": "host", "source": str(path.parent)}],
    }  # fmt: skip
    path.write_text(json.dumps(manifest))
    return path


@pytest.mark.parametrize("verb", ["run", "prepare"])
def test_ten_thousand_mounts_are_refused_at_once(rkt: Rktpy, tmp_path: Path, verb: str) -> None:
    mounts = [{"volume": "vol", "path": f"/m/{number}"} for number in range(10_000)]
    path = pod_manifest(rkt, tmp_path / "pod.json", mounts=mounts)

    done = rkt(verb, f"--pod-manifest={path}")

    check_refusal(done, "pod has 10000 mounts, 2000 are possible", verb)
    assert rkt.pods() == []


def test_a_thousand_mounts_work(rkt: Rktpy, tmp_path: Path) -> None:
    mounts = [{"volume": "vol", "path": f"/m/{number}"} for number in range(1000)]
    command = {"exec": ["/bin/ls", "/m/999/pod.json"], "user": "0", "group": "0"}

    path = pod_manifest(rkt, tmp_path / "pod.json", mounts=mounts, app=command)

    assert rkt("run", "--net=none", f"--pod-manifest={path}").lines() == ["/m/999/pod.json"]


NUL = {"environment": [{"name": "GOOD", "value": "a\0LD_PRELOAD=/evil.so"}]}


def test_nul_in_the_environment_of_an_image_is_refused(rkt: Rktpy, tmp_path: Path) -> None:
    aci = shell_aci(tmp_path / "nul.aci", "example.com/nul", app=NUL)

    check_refusal(rkt.run(aci), "environment variable GOOD must not contain a NUL", "run")


def test_nul_in_the_environment_of_a_pod_is_refused(rkt: Rktpy, tmp_path: Path) -> None:
    command = {"exec": ["/bin/true"], "user": "0", "group": "0"} | NUL
    path = pod_manifest(rkt, tmp_path / "pod.json", app=command)

    done = rkt("run", "--net=none", f"--pod-manifest={path}")

    check_refusal(done, "environment variable GOOD must not contain a NUL", "run")


@pytest.mark.parametrize("name", ["/etc/disk", "/dev/disk", "/bin/memory"])
def test_hard_links_to_devices_of_the_host_are_not_made(
    rkt: Rktpy, tmp_path: Path, name: str
) -> None:
    tricks = {"/dev/sda": archive.device("b", 8, 0), name: archive.hardlink("rootfs/dev/sda")}

    done = rkt.run(image(tmp_path, tricks), "--", f"test ! -e {name} && test ! -e /dev/sda")

    assert done.status in (0, 254), done


def test_a_device_of_the_image_in_an_odd_place_is_only_what_it_is(
    rkt: Rktpy, tmp_path: Path
) -> None:
    tricks = {"/odd": archive.device("c", 1, 3), "/etc/hosts": archive.hardlink("rootfs/odd")}

    done = rkt.run(image(tmp_path, tricks), "--", "echo x >/odd; stat -c %t:%T /odd; exit 7")

    assert (done.status, done.lines()) == (7, ["1:3"])
