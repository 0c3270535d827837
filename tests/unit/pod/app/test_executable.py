"""Looking up what an app's ``exec`` names, inside its root."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.appc.app import App
from rktpy.appc.types import EnvironmentVariable
from rktpy.pod.app.executable import ExecutableError, find_executable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def rootfs(tmp_path: Path) -> str:
    """A root with a few programs, and a host program beside it."""
    root = tmp_path / "rootfs"
    for name in ("bin/tool", "usr/bin/late", "usr/bin/tool", "opt/own", "host"):
        path = root / name if name != "host" else tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        path.chmod(0o755)
    (root / "bin/plain").write_text("")
    (root / "bin/folder").mkdir()
    (root / "usr/bin/link").symlink_to("/opt/own")
    (root / "usr/bin/out").symlink_to("../../../host")
    return str(root)


def app(*command: str, path: str | None = None, here: str = "") -> App:
    variables = () if path is None else (EnvironmentVariable("PATH", path),)
    return App(exec=command, user="0", group="0", working_directory=here, environment=variables)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (app("/not/there"), "/not/there"),
        (app("sub/prog"), "/sub/prog"),
        (app("./prog", here="/opt"), "/opt/./prog"),
        (app("tool"), "/bin/tool"),
        (app("late"), "/usr/bin/late"),
        (app("own", here="/opt"), "/opt/own"),
        (app("link"), "/usr/bin/link"),
        (app("own", path="/bin:/opt"), "/opt/own"),
        (app("own", path="opt"), "/opt/own"),
        (app("own", path="", here="/opt"), "/opt/own"),
        (app("tool", path="../../../usr/bin", here="/opt"), "/opt/../../../usr/bin/tool"),
    ],
)
def test_a_name_is_searched_and_a_path_is_taken_as_it_is(
    rootfs: str, asked: App, found: str
) -> None:
    assert find_executable(rootfs, asked, "img") == found


@pytest.mark.parametrize("name", ["plain", "folder", "out", "nosuch"])
def test_only_an_executable_file_inside_the_root_is_found(rootfs: str, name: str) -> None:
    with pytest.raises(ExecutableError) as caught:
        find_executable(rootfs, app(name), "img")

    assert caught.value.message == f'error looking up "{name}"'
    assert str(caught.value.__cause__) == f'unable to find "{name}" in "/:/bin:/usr/bin"'


def test_an_empty_exec_tells_what_to_do() -> None:
    with pytest.raises(ExecutableError) as caught:
        find_executable(os.devnull, app(), "example.com/x")

    assert caught.value.message == ('image "example.com/x" has an empty "exec" (try --exec=BINARY)')
