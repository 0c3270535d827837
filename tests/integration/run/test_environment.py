"""What an app finds in its environment and arguments, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.run.rk import Rktpy

HOST = {"VAR_OTHER": "host", "VAR_FROM_MANIFEST": "host"}
SPECIAL = {
    "QUOTES": "a\"b'c`d",
    "LEADING_QUOTE": '"x" y',
    "BACKSLASH": "x\\ny\\",
    "DOLLAR": "$HOME ${HOME} $$",
    "PERCENT": "%h %%n %",
    "BLANKS": "  two  ",
    "HASH": "#no comment",
    "EQUALS": "a=b=",
    "UTF8": "grüße",
    "TAB": "a\tb",
    "EMPTY": "",
}


@pytest.fixture
def env_file(tmp_path: Path) -> str:
    file = tmp_path / "env"
    file.write_text("# comment\nVAR_OTHER=file\n; comment\n\nVAR_2=2\n")
    return f"--set-env-file={file}"


@pytest.mark.parametrize(
    ("options", "variable", "value"),
    [
        ((), "VAR_FROM_MANIFEST", "manifest"),
        (("--set-env=VAR_OTHER=setenv",), "VAR_OTHER", "setenv"),
        (("--set-env=VAR_FROM_MANIFEST=setenv",), "VAR_FROM_MANIFEST", "setenv"),
        (("--inherit-env",), "VAR_OTHER", "host"),
        (("--inherit-env",), "VAR_FROM_MANIFEST", "manifest"),
        (("--inherit-env", "--set-env=VAR_OTHER=setenv"), "VAR_OTHER", "setenv"),
        (("--set-env=VAR_OTHER=setenv", "FILE"), "VAR_OTHER", "setenv"),
        (("FILE",), "VAR_OTHER", "file"),
        (("FILE",), "VAR_2", "2"),
    ],
)
def test_who_has_the_last_word_on_a_variable(
    rkt: Rktpy, env_file: str, options: tuple[str, ...], variable: str, value: str
) -> None:
    given = [env_file if option == "FILE" else option for option in options]

    done = rkt.run(*given, INSPECT, "--", f"--print-env={variable}", env=HOST)

    assert (done.status, done.lines()) == (0, [f"{variable}={value}"])


def test_defaults_are_set_and_the_path_is_good(rkt: Rktpy) -> None:
    script = (
        "for n in PATH SHELL USER LOGNAME HOME container AC_APP_NAME; do eval echo $n=\\$$n; done"
    )

    done = rkt.run(SHELL, "--name=my-app", "--", script)

    assert done.lines() == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL=/bin/sh",
        "USER=root",
        "LOGNAME=root",
        "HOME=/root",
        "container=rkt",
        "AC_APP_NAME=my-app",
    ]


def test_values_reach_the_app_and_enter_unchanged(rkt: Rktpy, tmp_path: Path) -> None:
    options = [f"--environment={name}={value}" for name, value in SPECIAL.items()]
    volume = f"--volume=out,kind=host,source={tmp_path}"
    dump = "cat /proc/self/environ >/out/app; echo done; sleep 300"

    with rkt.start(
        "run", volume, SHELL, *options, "--mount=volume=out,target=/out", "--", dump
    ) as pod:
        pod.says("done")
        rkt.ok("enter", pod.uuid, "/bin/sh", "-c", "cat /proc/self/environ >/out/enter")

    for name in ("app", "enter"):
        assert _environment(tmp_path / name).items() >= SPECIAL.items(), name


def test_a_value_of_several_lines_reaches_the_app(rkt: Rktpy, tmp_path: Path) -> None:
    volume = f"--volume=out,kind=host,source={tmp_path}"
    mount = "--mount=volume=out,target=/out"

    done = rkt.run(
        volume, SHELL, "--environment=A=1\nB=2", mount, "--", "cat /proc/self/environ >/out/app"
    )

    assert done.status == 0
    assert _environment(tmp_path / "app")["A"] == "1\nB=2"


@pytest.mark.parametrize(
    ("words", "shown"),
    [(("--environment=ODD=caf\udce9",), r"'caf\xe9'"), (("--", "true", "\udcff"), r"'\xff'")],
)
def test_bytes_that_are_no_utf8_are_refused(rkt: Rktpy, words: tuple[str, ...], shown: str) -> None:
    done = rkt.run(SHELL, *words)

    assert (done.status, done.out) == (254, "")
    assert done.err.startswith(f"run: {shown} is not valid UTF-8")
    assert rkt.pods() == []


@pytest.mark.parametrize(
    "word", ["a b", "'\"$HOME", "%h", "\\n", "a\nb", ";", "ü", "$$", "#", "&&", "\t"]
)
def test_arguments_reach_the_app_unchanged(rkt: Rktpy, tmp_path: Path, word: str) -> None:
    volume = f"--volume=out,kind=host,source={tmp_path}"
    mount = "--mount=volume=out,target=/out"
    script = 'printf "%s|" "$@" >/out/args'

    done = rkt.run(volume, SHELL, mount, "--", script, "sh", word, "end")

    assert done.status == 0, done
    assert (tmp_path / "args").read_text() == f"{word}|end|"


def test_the_program_and_the_working_directory_can_be_chosen(rkt: Rktpy) -> None:
    by_name = rkt.run(INSPECT, "--exec=inspect-link-bin", "--", "--print-exec")
    by_path = rkt.run(INSPECT, "--exec=/inspect-link", "--", "--print-exec")
    there = rkt.run(INSPECT, "--working-dir=/dir1", "--", "--print-cwd")

    assert by_name.lines()[0].endswith("inspect-link-bin")
    assert by_path.lines() == ["inspect exceed as: /inspect-link"]
    assert there.lines() == ["cwd: /dir1"]


def _environment(file: Path) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in file.read_text().split("\0"))
    return {name: value for name, equals, value in pairs if equals}
