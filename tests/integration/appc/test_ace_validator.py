"""A pod is what the appc specification promises: our own validator finds nothing wrong.

That it would find it is shown twice: in a bare root nothing is right, and pods that are run
otherwise than the validator expects are told so.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.rk import Rktpy
from tests.support import command
from tests.support.ace_images import ace_binary, main_aci, sidekick_aci

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.run.rk import Done

NAMESPACES = ("ipc", "mnt", "net", "pid", "uts")
DATABASE, CONFIG = "--volume=database,kind=empty", "--volume=config,kind=empty"
DNS = "--dns=192.0.2.53"
DEVICES = ("null", "zero", "random", "urandom", "tty", "console", "ptmx")
FILESYSTEMS = ("/sys", "/dev/pts", "/dev/shm")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Rktpy:
    return Rktpy(tmp_path_factory.mktemp("ace") / "data")


@pytest.fixture
def rkt(data: Rktpy) -> Iterator[Rktpy]:
    yield data
    assert data.collect().status == 0


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return main_aci(tmp_path_factory.mktemp("main") / "main.aci")


@pytest.fixture(scope="module")
def sidekick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sidekick_aci(tmp_path_factory.mktemp("sidekick") / "sidekick.aci")


def host() -> str:
    """Return what tells the validator the namespaces that are not the pod's."""
    return " ".join(os.readlink(f"/proc/self/ns/{name}") for name in NAMESPACES)


def validate(rkt: Rktpy, *words: str | Path) -> Done:
    return rkt.run(f"--set-env=ACE_HOST={host()}", "--set-env=ACE_DNS=192.0.2.53", *words)


def complaints(done: Done, app: str = "ace-validator-main") -> set[str]:
    lines = [line.removeprefix("==> ") for line in done.lines(app) if line.startswith("==> ")]
    return {re.sub(r"process \d+", "process N", line) for line in lines}


def in_bare_root(root: Path, mode: str, *before: str, **env: str) -> set[str]:
    """Return what the validator complains of where there is nothing but itself.

    ``before`` are words ahead of the command, ``env`` is all of its environment.
    """
    shutil.copy(ace_binary(), root / "ace-validator")
    done = subprocess.run(
        [*before, "/usr/sbin/chroot", str(root), "/ace-validator", mode],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, f"{mode} FAIL\n")
    return {line.removeprefix("==> ") for line in done.stderr.splitlines() if line}


def test_the_validator_finds_nothing_wrong(rkt: Rktpy, main: Path, sidekick: Path) -> None:
    done = validate(rkt, DATABASE, CONFIG, DNS, main, sidekick)

    lines = done.lines()
    assert (sorted(lines), done.status) == (
        ["main OK", "poststop OK", "prestart OK", "sidekick OK"],
        0,
    )
    assert lines[0] == "prestart OK"
    assert lines.index("main OK") < lines.index("poststop OK")


def test_a_prepared_pod_satisfies_it_as_well(rkt: Rktpy, main: Path, sidekick: Path) -> None:
    env = f"--set-env=ACE_HOST={host()}"
    uuid = rkt.prepare(DATABASE, CONFIG, env, "--set-env=ACE_DNS=192.0.2.53", main, sidekick)

    done = rkt("run-prepared", "--net=none", DNS, uuid)

    assert (len(done.lines()), done.status) == (4, 0)
    assert all(line.endswith("OK") for line in done.lines())


def test_a_process_that_is_not_what_the_image_says_is_told(
    rkt: Rktpy, sidekick: Path, tmp_path: Path
) -> None:
    path = [{"name": "PATH", "value": "/bin"}]
    hooks: list[object] = []
    image = main_aci(
        tmp_path / "main.aci",
        workingDirectory="/",
        environment=path,
        isolators=[],
        eventHandlers=hooks,
        files={"/main": "", "/poststop": "", "/etc/hosts": "10.0.0.1 nobody\n"},
    )
    options = ("--name=other", "--user=1", "--group=2")
    done = validate(rkt, DATABASE, CONFIG, "--hostname=other", image, *options, sidekick)

    assert done.status == 1
    assert done.lines("other")[-1] == "main FAIL"
    assert complaints(done, "other") == {
        'file "/prestart" does not exist as expected',
        'file "/main" exists unexpectedly',
        'cannot create "/main": Permission denied',
        'file "/poststop" exists unexpectedly',
        f'PATH not set appropriately (need "{PATH}", got "/bin")',
        'AC_APP_NAME not set appropriately (need "ace-validator-main", got "other")',
        'environment variable "IN_ACE_VALIDATOR" not set appropriately (need "correct", got "")',
        'working directory not set appropriately (need "/opt/acvalidator", got /)',
        '"/db" cannot be written',
        "running as 1:2, want 0:0",
        "capabilities bounded to a80425fb, want 2022",
        "oom_score_adj is 0, want 99",
        'host name is "other", want rkt-UUID',
        '"/etc/hosts" does not name the loopback',
        '"/etc/resolv.conf" does not say nameserver 192.0.2.53',
        "process N of the other app: Operation not permitted",
        'cannot create "/db/main": Permission denied',
    }


def test_volumes_in_the_way_and_shared_namespaces_are_told(
    rkt: Rktpy, sidekick: Path, tmp_path: Path
) -> None:
    points = [
        {"name": "database", "path": "/db", "readOnly": True},
        {"name": "config", "path": "/config"},
    ]
    image = main_aci(tmp_path / "main.aci", mountPoints=points)
    covered = [
        word
        for name, source, target in (
            ("zero", "/dev/full", "/dev/zero"),
            ("tty", "/dev/null", "/dev/tty"),
            ("sys", "/usr", "/sys"),
            ("pts", "/usr", "/dev/pts"),
            ("shm", "/usr", "/dev/shm"),
        )
        for word in (f"--volume={name},kind=host,source={source}",
                     f"--mount=volume={name},target={target}")
    ]  # fmt: skip
    shared = ("--net=host", "--ipc=parent")
    done = validate(rkt, DATABASE, CONFIG, *shared, DNS, *covered, image, sidekick)

    assert done.status == 1
    assert complaints(done) >= {
        '"/db" mounted ro=true, want false',
        '"/db" cannot be written',
        '"/config" mounted ro=false, want true',
        '"/config" can be written',
        '"/dev/zero" is not the device it should be',
        '"/dev/tty" is not the device it should be',
        '"/sys" is not the filesystem it should be',
        '"/dev/pts" is not the filesystem it should be',
        '"/dev/shm" is not the filesystem it should be',
        "namespace ipc is the host's",
        "namespace net is the host's",
        'cannot create "/db/main": Read-only file system',
    }


def test_a_root_that_is_not_clean_is_told(rkt: Rktpy, sidekick: Path, tmp_path: Path) -> None:
    files = {"/prestart": "", "/main": "", "/poststop": ""}
    image = main_aci(tmp_path / "main.aci", files=files)

    done = validate(rkt, DATABASE, CONFIG, DNS, image, sidekick)

    exists = [f'==> file "{path}" exists unexpectedly' for path in files]
    assert done.lines("ace-validator-main") == [
        *(*exists, "prestart FAIL"),
        *(exists[2], "poststop FAIL"),
    ]


def test_nothing_is_right_in_a_bare_root(tmp_path: Path) -> None:
    for name in ("db", "dev", "proc/self"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "db/sidekick").write_text("")
    (tmp_path / "proc/self/mountinfo").write_text("nonsense\n")
    with socket.socket(socket.AF_UNIX) as full:
        full.bind(str(tmp_path / "dev/full"))
        found = in_bare_root(tmp_path, "main", "unshare", "--net")

    assert found >= {
        'environment variable "container" is not set',
        "malformed line in /proc/self/mountinfo: nonsense",
        '"/db" is not a mount point',
        "cannot read capabilities",
        "privileges can be gained",
        "ACE_HOST is not set",
        'cannot read "/db/sidekick"',
        "interface lo is not up",
        "interface lo has no address",
        '"/dev/full" is not the device it should be',
        '"/dev/full" cannot be opened: No such device or address',
        '"/proc" is not the filesystem it should be',
        *(f"cannot read namespace {name}" for name in NAMESPACES),
        *(f'"/dev/{name}": No such file or directory' for name in DEVICES),
        *(f'"{path}": No such file or directory' for path in FILESYSTEMS),
    }


def test_a_process_of_the_host_is_told(tmp_path: Path) -> None:
    own = host().split()
    (tmp_path / "db").mkdir()
    (tmp_path / "db/sidekick").write_text(f"4194305 {own[NAMESPACES.index('mnt')]}")
    (tmp_path / "proc").mkdir()
    command.run(["mount", "--bind", "/proc", str(tmp_path / "proc")])
    try:
        found = in_bare_root(tmp_path, "main", ACE_HOST=" ".join(own))
    finally:
        command.run(["umount", str(tmp_path / "proc")])

    assert found >= {
        *(f"namespace {name} is the host's" for name in NAMESPACES),
        *(f"namespace {name} is not the other app's" for name in NAMESPACES if name != "mnt"),
        "namespace mnt is also the other app's",
        "process 4194305 of the other app: No such process",
    }


def test_a_missing_neighbour_is_waited_for_in_vain(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()

    assert "timed out waiting for /db/main" in in_bare_root(tmp_path, "sidekick")


def test_the_program_knows_four_words() -> None:
    assert [subprocess.run([ace_binary(), *words], check=False, capture_output=True).returncode
            for words in ([], ["other"], ["main", "main"])] == [64, 64, 64]  # fmt: skip
