"""The app section, mount points and ports."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rktpy import codec
from rktpy.appc.app import App, EventHandler, MountPoint, Port
from rktpy.appc.fields import MAX_LIST, MAX_TEXT
from rktpy.appc.types import AppcError

MINIMAL: dict[str, Any] = {"exec": ["/a"], "user": "0", "group": "0"}


def refused(expected: str) -> pytest.RaisesExc[AppcError]:
    return pytest.raises(AppcError, match=f"^{re.escape(expected)}$")


def test_a_whole_app_is_written_in_gos_order() -> None:
    text = (
        '{"exec":["/a","b"],"eventHandlers":[{"name":"pre-start","exec":["/p"]}],"user":"u",'
        '"group":"g","supplementaryGIDs":[1,2],"workingDirectory":"/w",'
        '"environment":[{"name":"A","value":"1"}],'
        '"mountPoints":[{"name":"m","path":"/m","readOnly":true}],'
        '"ports":[{"name":"p","protocol":"tcp","port":80,"count":1,"socketActivated":false}],'
        '"isolators":[{"name":"os/linux/cpu-shares","value":12}],'
        '"userAnnotations":{"a":"1","b":"2"},"userLabels":{"c":"3"}}'
    )

    assert codec.compact(App.from_object(codec.parse(text)).to_object()) == text


@pytest.mark.parametrize("given", [None, [], ["app"], ["bin/app", "a"], [""]])
def test_exec_may_be_anything_even_nothing(given: list[str] | None) -> None:
    app = App.from_object(MINIMAL | {"exec": given})

    assert app.exec == tuple(given or ())
    assert app.to_object()["exec"] == given


def test_exec_is_always_written() -> None:
    assert App.from_object({"user": "0", "group": "0"}).to_object() == {
        "exec": None,
        "user": "0",
        "group": "0",
    }


def test_keys_match_in_any_case_and_exact_ones_win() -> None:
    app = App.from_object(
        {"Exec": ["/a"], "USER": "1", "group": "2", "GROUP": "3", "supplementaryGids": [4]}
    )

    assert (app.exec, app.user, app.group, app.supplementary_gids) == (("/a",), "1", "2", (4,))
    assert app.unknown == {}


def test_the_last_of_keys_that_differ_in_case_counts() -> None:
    assert App.from_object({"USER": "1", "User": "2", "group": "0"}).user == "2"


def test_null_is_absent_everywhere() -> None:
    keys = (
        "exec", "eventHandlers", "supplementaryGIDs", "workingDirectory", "environment",
        "mountPoints", "ports", "isolators", "userAnnotations", "userLabels",
    )  # fmt: skip

    assert App.from_object(MINIMAL | dict.fromkeys(keys)) == App.from_object(
        {"user": "0", "group": "0"}
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"user": None}, "user is required"),
        ({"user": ""}, "user is required"),
        ({"group": ""}, "group is required"),
        ({"workingDirectory": "stuff"}, "workingDirectory must be an absolute path"),
        ({"workingDirectory": "../home"}, "workingDirectory must be an absolute path"),
        ({"eventHandlers": [{"exec": ["/a"]}]}, 'eventHandler "name" cannot be empty'),
        ({"eventHandlers": [{"name": "pre"}]}, 'bad eventHandler "name": "pre"'),
        (
            {
                "eventHandlers": [
                    {"name": "post-stop"},
                    {"name": "pre-start"},
                    {"name": "post-stop"},
                ]
            },
            'Only one eventHandler of name "post-stop" allowed',
        ),
        (
            {"environment": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
            'duplicate environment variable of name "A"',
        ),
        ({"environment": [{}]}, "environment variable name must not be empty"),
        (
            {"environment": [{"name": "0A"}]},
            'environment variable does not have valid identifier "0A"',
        ),
        ({"supplementaryGIDs": [-1]}, "supplementaryGIDs must be in 0-4294967294 range, got -1"),
        (
            {"supplementaryGIDs": [2**32 - 1]},
            "supplementaryGIDs must be in 0-4294967294 range, got 4294967295",
        ),
        ({"supplementaryGIDs": ["1"]}, "supplementaryGIDs must be an integer, got a string"),
        ({"mountPoints": [{"path": "/a"}]}, "ACName cannot be empty"),
        ({"ports": [{"name": "a", "port": 0}]}, "port must be in 1-65535 range"),
        (
            {"ports": [{"name": "a", "port": 65535, "count": 2}]},
            "end of port range must be in 1-65535 range",
        ),
        ({"ports": [{"name": "a", "port": -1}]}, "port must not be negative, got -1"),
        ({"ports": [{"name": "a", "port": 1.0}]}, "port must be an integer, got 1"),
        ({"isolators": [{"value": 1}]}, "ACIdentifier cannot be empty"),
        (
            {"isolators": [{"name": "os/linux/cpu-shares", "value": 5}] * 2},
            'isolators set contains too many instances of type os/linux/cpu-shares"',
        ),
        ({"exec": "/a"}, "exec must be a list, got a string"),
        ({"exec": [1]}, "exec must be a string, got a number"),
        ({"exec": ["a\0b"]}, "exec must not contain a NUL character"),
        ({"user": "a\0b"}, "user must not contain a NUL character"),
        ({"user": 0}, "user must be a string, got a number"),
        ({"ports": {}}, "ports must be a list, got an object"),
        ({"ports": ""}, "ports must be a list, got a string"),
        ({"ports": [1]}, "port must be an object, got a number"),
        ({"userLabels": []}, "userLabels must be an object, got a list"),
        ({"userLabels": {"a": 1}}, "userLabels.a must be a string, got a number"),
        (
            {"mountPoints": [{"name": "a", "path": "/", "readOnly": "yes"}]},
            "readOnly must be a boolean, got a string",
        ),
        ({"user": ["0"]}, "user must be a string, got a list"),
        ({"user": {}}, "user must be a string, got an object"),
        ({"supplementaryGIDs": [None]}, "supplementaryGIDs must be an integer, got null"),
        (
            {"userLabels": {str(n): "" for n in range(MAX_LIST + 1)}},
            "userLabels has more than 10000 entries",
        ),
        ({f"x{n}": n for n in range(MAX_LIST + 1)}, "app has more than 10000 entries"),
        ({"exec": ["a"] * (MAX_LIST + 1)}, "exec has more than 10000 entries"),
        ({"exec": ["a" * (MAX_TEXT + 1)]}, "exec is longer than 1048576 characters"),
        ({"workingDirectory": "/" * 5000}, "workingDirectory is longer than 4096 characters"),
    ],
)
def test_a_broken_app_says_why(change: dict[str, object], told: str) -> None:
    with refused(told):
        App.from_object(MINIMAL | change)


def test_lists_may_hold_null_as_in_go() -> None:
    assert App.from_object(MINIMAL | {"exec": ["a", None]}).exec == ("a", "")
    with refused("port must be in 1-65535 range"):
        App.from_object(MINIMAL | {"ports": [None]}, lenient=True)


def test_lenient_reading_takes_parts_without_a_name() -> None:
    app = App.from_object(
        MINIMAL | {"mountPoints": [{"path": "/a"}], "ports": [{"port": 1}]}, lenient=True
    )

    assert (app.mount_points[0].name, app.ports[0].name) == ("", "")


def test_unknown_fields_survive_at_every_level() -> None:
    given: dict[str, Any] = MINIMAL | {
        "eventHandlers": [{"name": "pre-start", "exec": ["/a"], "x": 1}],
        "environment": [{"name": "A", "value": "", "x": [2.50]}],
        "mountPoints": [{"name": "a", "path": "/", "x": None}],
        "ports": [
            {"name": "a", "protocol": "", "port": 1, "count": 1, "socketActivated": False, "x": 4}
        ],
        "isolators": [{"name": "a", "value": 1, "x": 5}],
        "x": {"y": 6},
    }
    app = App.from_object(given)

    assert app.to_object() == given
    assert "x" not in codec.compact(app.to_object(keep_unknown=False)).replace("exec", "")


def test_an_app_is_frozen_and_hashable() -> None:
    app = App.from_object(MINIMAL | {"x": [1], "userLabels": {"a": "b"}})

    assert hash(app) == hash(app.replace())
    with pytest.raises(TypeError):
        app.unknown["y"] = 1
    with pytest.raises(TypeError):
        app.user_labels.update(a="c")


def test_a_changed_app_is_checked_again() -> None:
    with refused("user is required"):
        App.from_object(MINIMAL).replace(user="")


def test_a_variable_can_be_looked_up() -> None:
    app = App.from_object(MINIMAL | {"environment": [{"name": "A", "value": "1"}]})

    assert (app.variable("A"), app.variable("B")) == ("1", None)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("foobar,path=/tmp", MountPoint("foobar", "/tmp")),
        ("foobar,path=/tmp,readOnly=false", MountPoint("foobar", "/tmp")),
        ("foobar,readOnly=1,path=a=b", MountPoint("foobar", "a=b", True)),
    ],
)
def test_mount_points_parse(text: str, point: MountPoint) -> None:
    assert MountPoint.parse(text) == point
    assert MountPoint.parse(str(point)) == point


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#f,path=/tmp", 'ACName must contain only lower case alphanumeric characters plus "-"'),
        ("f,path=/tmp,asdf=asdf", 'unknown mountpoint parameter "asdf"'),
        ("f,path=/tmp,readOnly=maybe", 'strconv.ParseBool: parsing "maybe": invalid syntax'),
        ("f,path=/tmp,readOnly=", 'strconv.ParseBool: parsing "": invalid syntax'),
        ("f,path=", "path must be set"),
        ("f", "path must be set"),
        ("", "ACName cannot be empty"),
        (",path=/", "ACName cannot be empty"),
        ("f,path=/a,path=/b", 'label path with multiple values ["/a" "/b"]'),
        ("f,path", 'malformed string "name=f,path" - has a label without a value: path'),
    ],
)
def test_bad_mount_points_say_why(text: str, told: str) -> None:
    with refused(told):
        MountPoint.parse(text)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("www,protocol=tcp,port=80", Port("www", "tcp", 80)),
        ("www,protocol=x,port=32456,count=100", Port("www", "x", 32456, 100)),
        ("a,port=65535,count=0,socketActivated=T", Port("a", "", 65535, 1, True)),
    ],
)
def test_ports_parse(text: str, port: Port) -> None:
    assert Port.parse(text) == port
    assert Port.parse(str(port)) == port


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,port=0", "port must be in 1-65535 range"),
        ("a", "port must be in 1-65535 range"),
        ("a,port=32456,count=45678", "end of port range must be in 1-65535 range"),
        ("a,port=88888", 'strconv.ParseUint: parsing "88888": value out of range'),
        ("a,port=-1", 'strconv.ParseUint: parsing "-1": invalid syntax'),
        ("a,port=1,x=2", 'unknown port parameter "x"'),
        ("A,port=1", 'ACName must contain only lower case alphanumeric characters plus "-"'),
    ],
)
def test_bad_ports_say_why(text: str, told: str) -> None:
    with refused(told):
        Port.parse(text)


def test_a_handler_without_a_program_writes_null() -> None:
    assert EventHandler("pre-start").to_object() == {"name": "pre-start", "exec": None}
