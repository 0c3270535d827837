"""What a user sees and a script gets back: streams and exit statuses (rkt-cli 1.4 to 1.7)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.unit.cli.desk import CHECKOUT, here

USAGE = "NAME:\n\t"


def test_no_command_at_all_is_status_2() -> None:
    result = here()

    assert result.returncode == 2
    assert result.stderr == "rkt: missing command\n"
    assert result.stdout.startswith("NAME:\n\trkt - ")


def test_an_unknown_command_names_what_was_meant() -> None:
    result = here("lst")

    assert result.returncode == 254
    assert result.stdout == ""
    assert result.stderr == (
        'Error: unknown command "lst" for "rkt"\n\nDid you mean this?\n\tlist\n\n'
        "Run 'rkt --help' for usage.\n"
    )


def test_an_unknown_command_like_nothing_gets_no_proposal() -> None:
    assert here("nosuch").stderr == (
        'Error: unknown command "nosuch" for "rkt"\nRun \'rkt --help\' for usage.\n'
    )


@pytest.mark.parametrize(
    "words", [("image",), ("image", "nosuch"), ("help",), ("help", "list"), ("list", "-h")]
)
def test_help_goes_to_stdout_and_succeeds(words: tuple[str, ...]) -> None:
    result = here(*words)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(USAGE)


def test_help_after_an_image_is_help_too() -> None:
    if os.geteuid() != 0:
        pytest.skip("run is for root")

    assert here("run", "IMG", "--help").stdout.startswith("NAME:\n\trun - ")


def test_help_for_what_is_not_there_says_so() -> None:
    result = here("help", "nosuch")

    assert result.returncode == 0
    assert result.stderr == "Unknown help topic [`nosuch`].\n"
    assert result.stdout.startswith("NAME:\n\trkt - ")


def test_a_wrong_option_shows_the_usage() -> None:
    result = here("list", "--nosuch")

    assert result.returncode == 254
    assert result.stderr == "Error: unknown flag: --nosuch\n"
    assert result.stdout.startswith("NAME:\n\tlist - ")


def test_a_wrong_option_after_an_image_is_told_by_the_command() -> None:
    result = here("fetch", "IMG", "--nosuch")

    assert result.returncode == 254
    assert result.stderr.startswith("fetch: unable to parse arguments: unknown flag: --nosuch")
    assert result.stdout == ""


def test_a_command_to_come_says_so() -> None:
    result = here("metadata-service")

    assert (result.returncode, result.stdout) == (254, "")
    assert result.stderr == "metadata-service: metadata-service is not implemented yet\n"


def test_an_experiment_to_come_says_so() -> None:
    result = here("app", "add", env={"RKT_EXPERIMENT_APP": "true"})

    assert result.stderr == "add: app add is not implemented yet\n"


def test_a_full_disk_is_told() -> None:
    with open("/dev/full", "wb") as full:
        result = subprocess.run(
            [sys.executable, "-m", "rktpy", "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=CHECKOUT,
            timeout=60,
        )

    assert result.returncode == 254
    assert result.stderr == ("version: cannot write to standard output: no space left on device\n")


def test_a_reader_that_leaves_ends_us_as_a_signal_would() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        result = subprocess.run(
            [sys.executable, "-m", "rktpy", "version"],
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
            cwd=CHECKOUT,
            timeout=60,
        )
    finally:
        os.close(write)

    assert (result.returncode, result.stderr) == (-signal.SIGPIPE, b"")


def test_an_interrupt_ends_us_as_a_signal_would() -> None:
    code = (
        f"import sys; sys.path.insert(0, {CHECKOUT!r})\n"
        "from rktpy.cli.main import _die_of\n"
        "_die_of('SIGINT')\n"
    )

    result = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)

    assert result.returncode == -signal.SIGINT


def test_the_five_labels_of_version_stay() -> None:
    labels = [line.partition(":")[0] for line in here("version").stdout.splitlines()]

    assert labels == ["rkt Version", "appc Version", "Go Version", "Go OS/Arch", "Features"]


def test_config_is_always_two_objects_at_least(tmp_path: object) -> None:
    roots = [f"--{which}-config={tmp_path}" for which in ("system", "local", "user")]

    result = here(*roots, "--pretty-print=false", "config")

    assert result.stdout == (
        '{"stage0":[{"rktVersion":"v1","rktKind":"paths","data":"","stage1-images":""},'
        '{"rktVersion":"v1","rktKind":"stage1","name":"","version":"","location":""}]}\n'
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "shell type is not specified"),
        (("bash", "zsh"), "too many arguments, only shell type is expected"),
        (("tcsh",), "'tcsh' shell is not supported"),
    ],
)
def test_completion_needs_one_known_shell(words: tuple[str, ...], message: str) -> None:
    result = here("completion", *words)

    assert result.returncode == 254
    assert result.stderr.startswith(f"completion: {message}")


def test_profiles_are_written(tmp_path: object) -> None:
    cpu, memory = f"{tmp_path}/cpu", f"{tmp_path}/memory"

    assert here(f"--cpuprofile={cpu}", f"--memprofile={memory}", "version").returncode == 0

    assert os.path.getsize(cpu) > 0
    assert os.path.getsize(memory) > 0


def test_a_profile_that_cannot_be_written_is_told(tmp_path: object) -> None:
    result = here(f"--cpuprofile={tmp_path}/no/cpu", "version")

    assert result.returncode == 254
    assert result.stdout == ""
    assert result.stderr.startswith("version: cannot setup profiling: cannot create cpu profile")
