"""What ``make install`` put into the host works there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.gc_units_on_host import check_timer_collects

if TYPE_CHECKING:
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


def test_the_timer_collects_a_pod_that_ended(pods: Pods) -> None:
    check_timer_collects(pods)


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
