"""Configuration as rkt's config_test and unit tests ask for it (rkt-cli.md 9, 12.6, 13)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rktpy.config import load
from rktpy.config.fields import ConfigError
from tests.unit.cli.desk import here

if TYPE_CHECKING:
    from pathlib import Path

Object = dict[str, Any]
Files = dict[str, Object]


def an_object(kind: str, **values: object) -> Object:
    return {"rktVersion": "v1", "rktKind": kind} | values


def auth(*domains: str, user: str = "user") -> Object:
    credentials = {"user": user, "password": "password"}
    return an_object("auth", domains=list(domains), type="basic", credentials=credentials)


def docker(*registries: str, user: str = "user") -> Object:
    credentials = {"user": user, "password": "password"}
    return an_object("dockerAuth", registries=list(registries), credentials=credentials)


def paths(data: str = "", images: str = "") -> Object:
    return an_object("paths", data=data) | {"stage1-images": images}


def stage1(name: str = "", version: str = "", location: str = "") -> Object:
    return an_object("stage1", name=name, version=version, location=location)


SETUPS: list[tuple[str, Files, list[Object]]] = [
    ("one domain", {"user/auth.d/a": auth("example.com")}, [auth("example.com")]),
    ("one registry", {"user/auth.d/a": docker("example.com")}, [docker("example.com")]),
    ("paths", {"user/paths.d/a": paths("/data", "/images")}, [paths("/data", "/images")]),
    (
        "one path over another",
        {
            "system/paths.d/a": paths("/system", "/images"),
            "user/paths.d/a": an_object("paths", data="/user"),
        },
        [paths("/user", "/images")],
    ),
    (
        "stage1",
        {"user/stage1.d/a": stage1("example.com/s", "1", "/s.aci")},
        [stage1("example.com/s", "1", "/s.aci")],
    ),
    (
        "one location over another",
        {
            "local/stage1.d/a": stage1("example.com/s", "1", "/old.aci"),
            "user/stage1.d/a": an_object("stage1", location="/new.aci"),
        },
        [stage1("example.com/s", "1", "/new.aci")],
    ),
    (
        "files of several are split",
        {"user/auth.d/a": auth("a.com", "b.com"), "user/auth.d/b": docker("c.com", "d.com")},
        [auth("a.com"), auth("b.com"), docker("c.com"), docker("d.com")],
    ),
    (
        "overrides by domain and registry",
        {
            "system/auth.d/a": auth("a.com", "b.com"),
            "system/auth.d/b": docker("c.com", "d.com"),
            "user/auth.d/a": auth("a.com", user="other"),
            "user/auth.d/b": docker("c.com", user="other"),
        },
        [
            auth("a.com", user="other"),
            auth("b.com"),
            docker("c.com", user="other"),
            docker("d.com"),
        ],
    ),
]


def write(root: Path, files: Files) -> None:
    for place, content in files.items():
        path = root / f"{place}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in SETUPS], ids=lambda _: "")
def test_config_prints_what_the_files_say(
    tmp_path: Path, files: Files, expected: list[Object]
) -> None:
    write(tmp_path, files)
    roots = [f"--{root}-config={tmp_path / root}" for root in ("local", "system", "user")]

    result = here(
        *roots, "--debug", "--insecure-options=image", "--pretty-print=false", "config"
    )  # fmt: skip

    assert (result.returncode, result.stderr, result.stdout.count("\n")) == (0, "", 1)
    printed = json.loads(result.stdout)["stage0"]
    assert [item for item in expected if item not in printed] == []
    assert [item["rktKind"] for item in printed[-2:]] == ["paths", "stage1"]
    assert len(printed) == 2 + sum(item["rktKind"].endswith(("th", "Auth")) for item in expected)


def test_config_indents_by_tabs_unless_told_otherwise(tmp_path: Path) -> None:
    roots = [f"--{root}-config={tmp_path}" for root in ("local", "system", "user")]

    assert here(*roots, "config").stdout.startswith('{\n\t"stage0": [\n\t\t{\n')


def test_a_broken_file_is_the_commands_error(tmp_path: Path) -> None:
    write(tmp_path, {"local/stage1.d/a": stage1(location="rel/x.aci")})

    result = here(f"--local-config={tmp_path}/local", f"--system-config={tmp_path}/no", "config")

    assert (result.returncode, result.stdout) == (254, "")
    assert result.stderr.startswith("config: cannot get configuration: ")
    assert "default stage1 image location is either a relative path" in result.stderr


@pytest.mark.parametrize(
    "content",
    [
        an_object("paths"),
        paths("/data"),
        an_object("stage1"),
        an_object("stage1", name="example.com/s", version="1"),
        stage1(location="/s.aci"),
        stage1(location="file:///s.aci"),
        stage1(location="http://example.com/s.aci"),
        stage1(location="https://example.com/s.aci"),
        stage1(location="docker://s"),
    ],
    ids=json.dumps,
)
def test_little_is_enough(tmp_path: Path, content: Object) -> None:
    write(tmp_path, {f"{content['rktKind']}.d/a": content})

    load(str(tmp_path), "", "")


@pytest.mark.parametrize(
    "content",
    [
        an_object("stage1", name="example.com/s", location="/s.aci"),
        an_object("stage1", version="1", location="/s.aci"),
        stage1(location="s.aci"),
        stage1(location="ftp://example.com/s.aci"),
        paths("data"),
        paths(images="./images"),
        auth(),
        auth("a.com", user=""),
        docker(),
        docker("a.com", user=""),
        an_object("auth", domains=["a.com"], type="oauth", credentials={"token": ""}),
    ],
    ids=json.dumps,
)
def test_half_a_thing_is_refused(tmp_path: Path, content: Object) -> None:
    where = "auth" if content["rktKind"].endswith("uth") else content["rktKind"]
    write(tmp_path, {f"{where}.d/a": content})

    with pytest.raises(ConfigError, match="failed to parse"):
        load(str(tmp_path), "", "")
