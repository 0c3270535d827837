"""What an app finds in its environment and arguments, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.run.images import INSPECT, SHELL, shell_aci

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
    "LINES": "\n\na\nb=c\n",
    "RETURN": "a\r\nb\r",
    "CONTROL": "\x01\x1b[31m\x7f\x85\u2028",
    "LAST_BACKSLASH": "a\\",
    "LONG": "x" * 100_000,
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


def test_values_reach_the_app_its_hooks_and_enter_unchanged(rkt: Rktpy, tmp_path: Path) -> None:
    def dump(name: str) -> list[str]:
        return ["/bin/sh", "-c", f"cat /proc/$$/environ >/out/{name}"]

    handlers = [{"name": name, "exec": dump(name)} for name in ("pre-start", "post-stop")]
    app = {"eventHandlers": handlers, "mountPoints": [{"name": "out", "path": "/out"}]}
    image = shell_aci(tmp_path / "dumping.aci", "example.com/dumping", app=app)
    (tmp_path / "out").mkdir()
    options = [f"--environment={name}={value}" for name, value in SPECIAL.items()]
    volume = f"--volume=out,kind=host,source={tmp_path}/out,readOnly=false"
    script = f"{dump('app')[2]}; echo done; sleep 300"

    with rkt.start("run", volume, image, *options, "--", script) as pod:
        pod.says("done")
        rkt.ok("enter", pod.uuid, *dump("enter"))
        rkt.ok("stop", pod.uuid)
        pod.end()

    for name in ("pre-start", "app", "enter", "post-stop"):
        found = _environment(tmp_path / "out" / name)
        assert {key: found.get(key) for key in SPECIAL} == SPECIAL, name


def test_thousands_of_variables_reach_the_app(rkt: Rktpy, tmp_path: Path) -> None:
    many = {f"VARIABLE_{number}": str(number) for number in range(4000)}
    (tmp_path / "env").write_text("".join(f"{name}={value}\n" for name, value in many.items()))

    done = rkt.run("-i", f"--set-env-file={tmp_path}/env", SHELL, "--exec=/bin/env")

    pairs = (line.partition("=") for line in done.out.splitlines())
    assert {name: value for name, _, value in pairs}.items() >= many.items()


def test_a_variable_that_systemd_would_drop_is_told(rkt: Rktpy) -> None:
    options = ("--environment=a.b=1", "--environment=kept=2")

    done = rkt.run("-i", SHELL, *options, "--exec=/bin/env")

    assert "variable a.b of app shell is left out" in done.err
    assert "kept=2" in done.out
    assert "a.b" not in done.out


def test_a_variable_that_no_program_can_have_is_refused(rkt: Rktpy, tmp_path: Path) -> None:
    (tmp_path / "env").write_text(f"HUGE={'x' * 200_000}\n")

    done = rkt.run(f"--set-env-file={tmp_path}/env", SHELL, "--", "true")

    assert (done.status, done.out, rkt.pods()) == (254, "", [])
    assert 'environment variable "HUGE" is longer than' in done.err


@pytest.mark.parametrize(
    ("options", "variable", "value"),
    [
        ((), "VAR_FROM_MANIFEST", "manifest"),
        (("--set-env=VAR_FROM_MANIFEST=setenv",), "VAR_FROM_MANIFEST", "setenv"),
        (("--inherit-env", "--set-env=VAR_OTHER=setenv"), "VAR_OTHER", "setenv"),
        (("FILE",), "VAR_OTHER", "file"),
        (("--set-env=TERM=dumb", "--inherit-env=false"), "TERM", "dumb"),
        (("--set-env=TERM=of-the-host",), "TERM", "of-the-host"),
    ],
)
def test_enter_sees_the_environment_of_an_interactive_app(
    rkt: Rktpy, env_file: str, options: tuple[str, ...], variable: str, value: str
) -> None:
    given = [env_file if option == "FILE" else option for option in options]
    words = ("--read-stdin", f"--print-env={variable}")
    caller = {"TERM": value} if variable == "TERM" else HOST

    with rkt.start("run", "-i", *given, INSPECT, "--", *words, stdin=True, env=HOST) as pod:
        uuid = pod.ready()
        entered = rkt.ok("enter", uuid, "/inspect", f"--print-env={variable}", env=caller)
        pod.type(b"Bye\n")
        done = pod.end()

    assert entered == f"{variable}={value}\n"
    assert done.status == 0
    assert "Received text: Bye" in done.out
    assert f"{variable}={value}\n" in done.out


@pytest.mark.parametrize(
    ("words", "shown"),
    [(("--environment=ODD=caf\udce9",), r"'caf\xe9'"), (("--", "true", "\udcff"), r"'\xff'")],
)
def test_bytes_that_are_no_utf8_are_refused(rkt: Rktpy, words: tuple[str, ...], shown: str) -> None:
    done = rkt.run(SHELL, *words)

    assert (done.status, done.out) == (254, "")
    assert done.err.startswith(f"run: {shown} is not valid UTF-8")
    assert rkt.pods() == []


def test_arguments_reach_the_app_unchanged(rkt: Rktpy) -> None:
    words = [*SPECIAL.values(), "a b", "'\"$HOME", "\\n", ";", "ü", "$$", "#", "&&", "-", "end"]

    done = rkt.run("-i", SHELL, "--", 'printf "%s\\0" "$@"', "sh", *words)

    assert (done.status, done.err) == (0, "")
    assert done.out.split("\0") == [*words, ""]


@pytest.mark.parametrize("name", ["two words", "end ", "back\\", 'q"q', "%h $HOME", "ü"])
def test_a_working_directory_may_have_any_name(rkt: Rktpy, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    volume = f"--volume=dir,kind=host,source={tmp_path}"
    options = ("--mount=volume=dir,target=/dir", f"--working-dir=/dir/{name}")

    done = rkt.run("-i", volume, SHELL, *options, "--", "pwd")

    assert (done.out, done.err) == (f"/dir/{name}\n", "")


def test_the_program_and_the_working_directory_can_be_chosen(rkt: Rktpy) -> None:
    by_name = rkt.run(INSPECT, "--exec=inspect-link-bin", "--", "--print-exec")
    by_path = rkt.run(INSPECT, "--exec=/inspect-link", "--", "--print-exec")
    there = rkt.run(INSPECT, "--working-dir=/dir1", "--", "--print-cwd")

    assert by_name.lines()[0].endswith("inspect-link-bin")
    assert by_path.lines() == ["inspect exceed as: /inspect-link"]
    assert there.lines() == ["cwd: /dir1"]


def _environment(file: Path) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in file.read_bytes().decode().split("\0"))
    return {name: value for name, equals, value in pairs if equals}
