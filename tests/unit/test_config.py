"""Configuration files: which are read, what they may say, who overrides whom (rkt-cli 9)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rktpy.config import load
from rktpy.config.credentials import AWSAuth, BasicAuth, OAuth
from rktpy.config.fields import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

BASIC = {"user": "ann", "password": "secret"}


class Roots:
    """Three configuration roots below a temporary directory."""

    def __init__(self, base: Path) -> None:
        self.base = base

    def write(self, where: str, kind: str, **content: object) -> Path:
        """Write a well-formed file at ``<root>/<sub>.d/<name>.json``."""
        return self.raw(where, json.dumps({"rktKind": kind, "rktVersion": "v1"} | content))

    def raw(self, where: str, text: str) -> Path:
        path = self.base / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def paths(self) -> tuple[str, str, str]:
        return (str(self.base / "system"), str(self.base / "local"), str(self.base / "user"))

    def error(self) -> str:
        with pytest.raises(ConfigError) as caught:
            load(*self.paths)
        return caught.value.message


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path)


def test_absent_directories_give_an_empty_configuration(roots: Roots) -> None:
    assert load(*roots.paths).objects() == [
        {"rktVersion": "v1", "rktKind": "paths", "data": "", "stage1-images": ""},
        {"rktVersion": "v1", "rktKind": "stage1", "name": "", "version": "", "location": ""},
    ]


def test_an_empty_root_is_not_the_current_directory(
    roots: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots.write("user/paths.d/a.json", "paths", data="/x")
    monkeypatch.chdir(roots.base / "user")
    assert load("", "", "").paths.data == ""


def test_a_file_where_a_directory_belongs_is_refused(roots: Roots) -> None:
    path = roots.raw("local/auth.d", "")
    assert roots.error() == f'expected "{path}" to be a directory'


def test_only_regular_json_files_directly_in_the_directory_are_read(roots: Roots) -> None:
    good = roots.write("local/paths.d/a.json", "paths", data="/data")
    roots.raw("local/paths.d/README", "garbage")
    roots.raw("local/paths.d/b.json.bak", "garbage")
    roots.raw("local/paths.d/sub/c.json", "garbage")
    roots.raw("elsewhere.json", "garbage")
    (good.parent / "link.json").symlink_to(roots.base / "elsewhere.json")
    assert load(*roots.paths).paths.data == "/data"


AUTH = ("auth.d/a.json", "auth")
DOCKER = ("auth.d/a.json", "dockerAuth")
PATHS = ("paths.d/a.json", "paths")
STAGE1 = ("stage1.d/a.json", "stage1")
POLICY = ("policy.d/a.json", "imagePolicy")
RULES = '"require-signature", "digest-pinned", "accept"'
URL_SCHEMES = '"docker", "file", "http", "https"'


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        (AUTH, {"type": "basic", "credentials": BASIC}, "no domains specified"),
        (AUTH, {"domains": [], "type": "basic"}, "no domains specified"),
        (AUTH, {"domains": ["a"]}, "no auth type specified"),
        (AUTH, {"domains": ["a"], "type": "magic"}, 'unknown auth type: "magic"'),
        (AUTH, {"domains": ["a"], "type": "basic"}, "no credentials"),
        (
            AUTH,
            {"domains": ["a"], "type": "basic", "credentials": {"password": "p"}},
            "user not specified",
        ),
        (
            AUTH,
            {"domains": ["a"], "type": "basic", "credentials": {"user": "u", "password": ""}},
            "password not specified",
        ),
        (
            AUTH,
            {"domains": ["a"], "type": "oauth", "credentials": {}},
            "no oauth bearer token specified",
        ),
        (
            AUTH,
            {"domains": ["a"], "type": "aws", "credentials": {"secretAccessKey": "s"}},
            "no AWS Access Key ID specified",
        ),
        (
            AUTH,
            {"domains": ["a"], "type": "aws", "credentials": {"accessKeyID": "i"}},
            "no AWS Secret Access Key specified",
        ),
        (
            AUTH,
            {"domains": ["a", "a"], "type": "oauth", "credentials": {"token": "t"}},
            'auth for domain "a" is already specified',
        ),
        (AUTH, {"domains": "a", "type": "basic"}, '"domains" must be a list of strings'),
        (AUTH, {"domains": ["a"], "type": 3}, '"type" must be a string'),
        (AUTH, {"domains": ["a"], "type": "basic", "credentials": "x"},
         '"credentials" must be an object'),
        (DOCKER, {"credentials": BASIC}, "no registries specified"),
        (DOCKER, {"registries": ["q"]}, "no credentials"),
        (DOCKER, {"registries": ["q", "q"], "credentials": BASIC},
         'credentials for docker registry "q" are already specified'),
        (PATHS, {"data": "var"}, "data directory must be an absolute path"),
        (PATHS, {"stage1-images": "i"}, "stage1 images directory must be an absolute path"),
        (POLICY, {"rule": "accept"}, "no prefixes specified"),
        (POLICY, {"prefixes": ["a.b"]}, "no rule specified, it is one of " + RULES),
        (POLICY, {"prefixes": ["a.b"], "rule": "any"},
         'unknown rule: "any", it is one of ' + RULES),
        (POLICY, {"prefixes": ["a.b", "a.b"], "rule": "accept"},
         'a rule for prefix "a.b" is already specified'),
        (STAGE1, {"name": "n"}, "default stage1 image name specified, but version is missing"),
        (STAGE1, {"version": "1", "location": "/x"},
         "default stage1 image version specified, but name is missing"),
        (STAGE1, {"location": "x/y.aci"},
         "default stage1 image location is either a relative path or a URL without scheme"),
        (STAGE1, {"location": "http://a b"}, "default stage1 image location is an invalid URL"),
        (STAGE1, {"location": "://x"}, "default stage1 image location is an invalid URL"),
        (STAGE1, {"location": "ftp://x/y"},
         'default stage1 image location URL has invalid scheme "ftp", allowed schemes are '
         + URL_SCHEMES),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_name_and_the_reason(
    roots: Roots, file: tuple[str, str], content: dict[str, object], reason: str
) -> None:
    path = roots.write(f"local/{file[0]}", file[1], **content)
    assert roots.error() == f'failed to parse "{path}": {reason}'


@pytest.mark.parametrize(
    "prefix",
    ["", "library", "library/nginx", "docker://a.b/c", "a.b/", "a.b//c", "a.b/c:1", "a.b/C", "A.b",
     "a.b/c@sha256:" + "0" * 64, "*", "a.b/*", "a.b/c/.."],
)  # fmt: skip
def test_a_prefix_that_cannot_match_an_image_is_refused(roots: Roots, prefix: str) -> None:
    roots.write("local/policy.d/a.json", "imagePolicy", prefixes=[prefix], rule="accept")
    assert f'prefix "{prefix}" is not REGISTRY or REGISTRY/REPOSITORY' in roots.error()


def test_rules_are_overridden_per_prefix_and_shown(roots: Roots) -> None:
    where = {"system": ["a.b", "localhost:5000/c"], "local": ["a.b"]}
    for root, rule in (("system", "accept"), ("local", "require-signature")):
        roots.write(f"{root}/policy.d/a.json", "imagePolicy", prefixes=where[root], rule=rule)
    head = {"rktVersion": "v1", "rktKind": "imagePolicy"}

    assert load(*roots.paths).objects()[:2] == [
        head | {"prefixes": ["a.b"], "rule": "require-signature"},
        head | {"prefixes": ["localhost:5000/c"], "rule": "accept"},
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"rktVersion": "v1"}', 'no rktKind specified in "{path}"'),
        ('{"rktKind": "paths"}', 'no rktVersion specified in "{path}"'),
        (
            '{"rktKind": "paths", "rktVersion": "v2"}',
            'no parser available for configuration of kind "paths" and version "v2"',
        ),
        (
            '{"rktKind": "stage1", "rktVersion": "v1"}',
            'the configuration directory "{dir}" expects to have configuration files of kinds'
            ' "paths", but "a.json" has kind of "stage1"',
        ),
        ("[]", 'failed to parse "{path}": not a JSON object'),
    ],
)
def test_a_file_must_say_what_it_is(roots: Roots, text: str, error: str) -> None:
    path = roots.raw("local/paths.d/a.json", text)
    assert roots.error() == error.replace("{path}", str(path)).replace("{dir}", str(path.parent))


def test_a_directory_of_two_kinds_names_both(roots: Roots) -> None:
    roots.write("local/auth.d/a.json", "paths")
    assert 'of kinds "auth", "dockerAuth", but "a.json" has kind of "paths"' in roots.error()


@pytest.mark.parametrize("text", ["", "{", '{"a": 1} x', '{"rktKind": "\udc80"}', "nul"])
def test_what_is_not_json_is_refused_with_the_name_of_the_file(roots: Roots, text: str) -> None:
    path = roots.raw("local/paths.d/a.json", "")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert roots.error().startswith(f'failed to parse "{path}": ')


def test_a_syntax_error_is_one_line_with_its_place(roots: Roots) -> None:
    path = roots.raw("local/paths.d/a.json", '{"a": 1,\n "b" 2}')
    reason = "line 2, column 6: invalid character '2' after object key"
    assert roots.error() == f'failed to parse "{path}": {reason}'


def test_a_huge_file_is_refused(roots: Roots) -> None:
    path = roots.raw("local/paths.d/a.json", " " * (1 << 20) + "{}")
    assert roots.error() == f'failed to parse "{path}": larger than 1048576 bytes'


@pytest.mark.parametrize(
    ("kind", "first", "second", "reason"),
    [
        ("paths", {"data": "/a"}, {"data": "/b"}, "data directory is already specified"),
        ("paths", {"stage1-images": "/a"}, {"stage1-images": "/b"},
         "stage1 images directory is already specified"),
        ("stage1", {"name": "a", "version": "1"}, {"name": "b", "version": "2"},
         "name and version of a default stage1 image are already specified"),
        ("stage1", {"location": "/a"}, {"location": "/b"},
         "location of a default stage1 image is already specified"),
    ],
)  # fmt: skip
def test_saying_the_same_thing_twice_in_one_root_is_an_error(
    roots: Roots, kind: str, first: dict[str, object], second: dict[str, object], reason: str
) -> None:
    roots.write(f"local/{kind}.d/1.json", kind, **first)
    later = roots.write(f"local/{kind}.d/2.json", kind, **second)
    assert roots.error() == f'failed to parse "{later}": {reason}'


def test_several_files_of_one_root_add_up(roots: Roots) -> None:
    roots.write("local/stage1.d/1.json", "stage1", name="a", version="1")
    roots.write("local/stage1.d/2.json", "stage1", location="https://host/a.aci")
    stage1 = load(*roots.paths).stage1
    assert (stage1.name, stage1.version, stage1.location) == ("a", "1", "https://host/a.aci")


def test_a_higher_root_overrides_item_by_item(roots: Roots) -> None:
    roots.write("system/paths.d/a.json", "paths", data="/a", **{"stage1-images": "/images"})
    roots.write("user/paths.d/a.json", "paths", data="/b")
    roots.write("system/stage1.d/a.json", "stage1", name="n", version="1", location="/old")
    roots.write("user/stage1.d/a.json", "stage1", location="/new")
    config = load(*roots.paths)
    assert (config.paths.data, config.paths.stage1_images) == ("/b", "/images")
    assert (config.stage1.name, config.stage1.location) == ("n", "/new")


def test_credentials_are_overridden_per_domain_and_registry(roots: Roots) -> None:
    token = {"type": "oauth", "credentials": {"token": "t"}}
    roots.write("system/auth.d/a.json", "auth", domains=["a", "b"], **token)
    roots.write("system/auth.d/d.json", "dockerAuth", registries=["q", "r"], credentials=BASIC)
    basic = {"type": "basic", "credentials": BASIC}
    roots.write("local/auth.d/a.json", "auth", domains=["b:5000", "b"], **basic)
    other = {"user": "bob", "password": "p"}
    roots.write("local/auth.d/d.json", "dockerAuth", registries=["r"], credentials=other)
    config = load(*roots.paths)
    ann = BasicAuth("ann", "secret")
    assert config.auth == {"a": OAuth("t"), "b": ann, "b:5000": ann}
    assert config.docker_auth == {"q": ann, "r": BasicAuth("bob", "p")}


def test_objects_split_files_of_several_domains(roots: Roots) -> None:
    keys = {"accessKeyID": "i", "secretAccessKey": "s"}
    roots.write("local/auth.d/a.json", "auth", domains=["a", "b"], type="aws", credentials=keys)
    roots.write("local/auth.d/b.json", "dockerAuth", registries=["q"], credentials=BASIC)
    head = {"rktVersion": "v1", "rktKind": "auth"}
    filled = keys | {"awsRegion": ""}
    assert load(*roots.paths).objects()[:3] == [
        head | {"domains": ["a"], "type": "aws", "credentials": filled},
        head | {"domains": ["b"], "type": "aws", "credentials": filled},
        {"rktVersion": "v1", "rktKind": "dockerAuth", "registries": ["q"], "credentials": BASIC},
    ]


def test_paths_can_be_had_although_credentials_are_broken(roots: Roots) -> None:
    roots.raw("local/auth.d/a.json", "garbage")
    roots.write("local/paths.d/a.json", "paths", data="/data")
    assert load(*roots.paths, only="paths.d").data_dir == "/data"


def test_authorization_headers() -> None:
    assert BasicAuth("ann", "secret").header() == "Basic YW5uOnNlY3JldA=="
    assert OAuth("t").header() == "Bearer t"


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("s3.amazonaws.com", "us-east-1"),
        ("bucket.s3.amazonaws.com:443", "us-east-1"),
        ("s3-eu-west-1.amazonaws.com", "eu-west-1"),
        ("bucket.s3.eu-central-1.amazonaws.com", "eu-central-1"),
        ("example.com", "us-east-1"),
    ],
)
def test_the_region_is_guessed_from_the_host_unless_given(host: str, region: str) -> None:
    assert AWSAuth("i", "s", "").region_for(host) == region
    assert AWSAuth("i", "s", "mars").region_for(host) == "mars"
