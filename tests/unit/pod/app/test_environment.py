"""Variables of an app: sources, precedence, and the two file formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.pod.app import environment
from rktpy.pod.app.environment import Sources, VariableError

if TYPE_CHECKING:
    from pathlib import Path


def sources(**given: dict[str, str]) -> Sources:
    return Sources(**({"inherited": {}, "files": {}, "pairs": {}} | given))


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (sources(), "manifest"),
        (sources(inherited={"V": "host"}), "manifest"),
        (sources(files={"V": "file"}), "file"),
        (sources(files={"V": "file"}, pairs={"V": "set"}), "set"),
        (sources(inherited={"V": "host"}, pairs={"V": "set"}), "set"),
    ],
)
def test_the_image_beats_the_caller_and_loses_to_the_command_line(
    given: Sources, value: str
) -> None:
    assert given.apply({"V": "manifest"})["V"] == value


def test_inherited_variables_are_taken_where_nothing_else_sets_them() -> None:
    assert sources(inherited={"OTHER": "host"}).apply({})["OTHER"] == "host"


def test_defaults_fill_only_what_is_missing() -> None:
    found = environment.app_environment({"HOME": "/data", "X": "1"}, app="web")

    assert found == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL": "/bin/sh",
        "USER": "root",
        "LOGNAME": "root",
        "HOME": "/data",
        "container": "rkt",
        "X": "1",
        "AC_APP_NAME": "web",
    }


def test_the_app_cannot_rename_itself_and_learns_of_the_metadata_service() -> None:
    found = environment.app_environment({"AC_APP_NAME": "x"}, app="web", metadata_url="http://m")

    assert (found["AC_APP_NAME"], found["AC_METADATA_URL"]) == ("web", "http://m")


def test_rkts_example_file_is_read() -> None:
    text = "# comment\nVAR_OTHER=file\n\n; more\nVAR_2=2\r\n  X=a=b \n"

    assert environment.parse_file(text, "f") == {"VAR_OTHER": "file", "VAR_2": "2", "X": "a=b "}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("novalue", 'environment variable must be specified as name=value (file "f")'),
        ("=x", 'environment variable must be specified as name=value (file "f")'),
        ("A=1\nA=2", 'environment variable "A" already set (file "f")'),
        ("A B=1", 'environment variable does not have valid identifier "A B"'),
        ("1A=1", 'environment variable does not have valid identifier "1A"'),
    ],
)
def test_wrong_lines_of_a_file_are_refused(text: str, message: str) -> None:
    with pytest.raises(VariableError) as caught:
        environment.parse_file(text, "f")

    assert caught.value.message == message


def test_a_name_may_not_repeat_in_a_second_file(tmp_path: Path) -> None:
    paths = [str(tmp_path / "one"), str(tmp_path / "two")]
    for path in paths:
        with open(path, "w") as file:
            file.write("A=1\n")

    with pytest.raises(VariableError, match="already set") as caught:
        environment.read_files(paths)
    assert paths[1] in caught.value.message


def test_a_missing_file_is_named() -> None:
    with pytest.raises(VariableError, match='"/nonexistent/env"'):
        environment.read_files(["/nonexistent/env"])


def test_inheriting_leaves_out_what_no_manifest_can_hold() -> None:
    caller = {b"A": b"\xff", b"BASH_FUNC_x%%": b"()", b"": b"x", b"b.c-d": b"1"}

    assert environment.inherited(caller) == {"A": "\ufffd", "b.c-d": "1"}


def test_what_systemd_said_to_the_caller_alone_is_not_inherited() -> None:
    """The pod's systemd says the same to the app, and must be heard."""
    unit = {b"NOTIFY_SOCKET": b"/run/systemd/notify", b"LISTEN_PID": b"7", b"WATCHDOG_PID": b"7"}

    assert environment.inherited(unit | {b"LANG": b"C"}) == {"LANG": "C"}


def test_the_file_for_enter_is_verbatim() -> None:
    assert environment.enter_file({"A": 'a"b\\$x', "B": " "}) == b'A=a"b\\$x\nB= \n'


def test_the_file_for_systemd_escapes_what_its_quotes_do_not_protect() -> None:
    assert environment.systemd_file({"A": 'q" b\\ d$ t` n\nl'}) == (
        b'A="q\\" b\\\\ d\\$ t\\` n\nl"\n'
    )


@pytest.mark.parametrize("write", [environment.enter_file, environment.systemd_file])
def test_a_nul_byte_is_refused(write: object) -> None:
    with pytest.raises(VariableError, match='"A" holds a NUL byte'):
        write({"A": "x\0y"})  # type: ignore[operator]


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    )
)
def test_what_is_written_for_systemd_can_be_read_back(variables: dict[str, str]) -> None:
    data = environment.systemd_file(variables)

    assert environment.parse_systemd_file(data) == variables


@pytest.mark.parametrize("data", [b"A", b'A="', b'A="x', b'A="x\\'])
def test_a_damaged_file_is_no_environment(data: bytes) -> None:
    with pytest.raises(ValueError, match="substring not found"):
        environment.parse_systemd_file(data)


def test_a_variable_is_as_long_as_the_kernel_takes() -> None:
    longest = (1 << 17) - len("A=") - 1

    assert environment.systemd_file({"A": "x" * longest})
    with pytest.raises(VariableError, match='"A" is longer than the 131072 bytes'):
        environment.systemd_file({"A": "x" * (longest + 1)})


@pytest.mark.parametrize(("name", "reaches"), [("A_1", True), ("a.b", False), ("a-b", False)])
def test_systemd_hands_over_plain_names_only(name: str, reaches: bool) -> None:  # noqa: FBT001
    assert environment.reaches_apps(name) is reaches
