"""What ``make install`` put into the host works there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pods_on_host import SHELL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.container import ContainerHost
    from tests.support.pods_on_host import Pods


def test_rktpy_and_its_alias_answer(host: ContainerHost) -> None:
    answers = [host.run([name, "version"]).stdout for name in ("rktpy", "rkt")]

    assert answers[0] == answers[1]
    assert answers[0].startswith("rkt Version: ")


def test_rktpy_starts_from_byte_code(host: ContainerHost) -> None:
    """Nothing is compiled at run time: every module it loads has a fresh cache file."""
    result = host.run(["rktpy", "version"], env={"PYTHONVERBOSE": "1"})
    missing = host.sh(
        "for f in $(find /usr/lib/rktpy/rktpy -name '*.py'); do "
        'c="${f%/*}/__pycache__/$(basename "$f" .py).cpython-*.pyc"; ls $c > /dev/null; done'
    )

    assert (result.stderr, missing.stderr) == ("", "")


def test_the_units_are_valid(host: ContainerHost) -> None:
    host.sh("systemd-analyze verify --man=no rktpy-gc.service rktpy-gc.timer")


@pytest.fixture
def without_grace(host: ContainerHost) -> Iterator[None]:
    """The service as an administrator may change it: pods that ended go at once."""
    drop_in = "/run/systemd/system/rktpy-gc.service.d"
    host.write(f"{drop_in}/grace.conf", "[Service]\nEnvironment=GRACE_PERIOD=0s\n")
    host.sh("systemctl daemon-reload")
    yield
    host.sh('systemctl stop rktpy-gc.timer rktpy-gc.service; rm -r "$1"', drop_in)
    host.sh("systemctl daemon-reload")


@pytest.mark.usefixtures("without_grace")
def test_the_timer_collects_a_pod_that_ended(pods: Pods) -> None:
    pods.run(SHELL, "exit 0")
    before = list(pods.states().values())
    pods.host.sh("systemctl start rktpy-gc.timer")
    ended = "systemctl show rktpy-gc.service -p ExecMainExitTimestampMonotonic --value"
    pods.host.wait_until(f'test "$({ended})" -gt 0')

    assert before == ["exited"]
    assert pods.properties("rktpy-gc.service", "Result", "ExecMainStatus") == {
        "Result": "success",
        "ExecMainStatus": "0",
    }
    assert pods.states() == {}


def test_tmpfiles_made_the_data_directory_and_keep_a_changed_group(host: ContainerHost) -> None:
    before = host.run(["stat", "-c", "%a %G", "/var/lib/rkt/pods/run"]).stdout.strip()
    host.sh("chgrp adm /var/lib/rkt/pods/run; systemd-tmpfiles --create rktpy.conf")
    after = host.run(["stat", "-c", "%a %G", "/var/lib/rkt/pods/run"]).stdout.strip()
    host.sh("chgrp root /var/lib/rkt/pods/run")

    assert (before, after) == ("2750 root", "2750 adm")


def test_completion_offers_commands(host: ContainerHost) -> None:
    script = "/usr/share/bash-completion/completions/rktpy"
    line = (
        f"source {script}; COMP_WORDS=(rktpy sta); COMP_CWORD=1; "
        '_rktpy_completion rktpy sta rktpy; echo "${COMPREPLY[@]}"'
    )

    assert host.run(["bash", "-c", line]).stdout.split() == ["status"]


def test_man_pages_are_installed_for_each_command(host: ContainerHost) -> None:
    host.sh("test -s /usr/share/man/man1/rktpy-run.1; test -e /usr/share/man/man1/rkt.1")
