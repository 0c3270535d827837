"""Volumes and mounts, from JSON and from the command line."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rktpy.appc.types import AppcError
from rktpy.appc.volume import Mount, Volume


def refused(expected: str) -> pytest.RaisesExc[AppcError]:
    return pytest.raises(AppcError, match=f"^{re.escape(expected)}$")


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("f,kind=host,source=/tmp", Volume("f", "host", "/tmp")),
        ("f,kind=host,source=/tmp,readOnly=false", Volume("f", "host", "/tmp", False)),
        ("f,kind=host,source=/tmp,readOnly=true", Volume("f", "host", "/tmp", True)),
        ("f,kind=host,source=/a=b:c,recursive=false", Volume("f", "host", "/a=b:c", None, False)),
        ("f,kind=host,source=/tmp,recursive=true", Volume("f", "host", "/tmp", None, True)),
        ("f,kind=empty", Volume("f", "empty", "", None, None, "0755", 0, 0)),
        ("f,kind=empty,readOnly=true", Volume("f", "empty", "", True, None, "0755", 0, 0)),
        (
            "f,kind=empty,mode=0777,uid=1000,gid=1001",
            Volume("f", "empty", "", None, None, "0777", 1000, 1001),
        ),
    ],
)
def test_volumes_parse_and_print_the_same(text: str, volume: Volume) -> None:
    assert Volume.parse(text) == volume
    assert str(volume) == text


NAME = 'ACName must contain only lower case alphanumeric characters plus "-"'
KIND = 'unrecognized volume kind: should be one of "empty", "host"'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#f,kind=host,source=/tmp", NAME),
        ("f,kind=host,source=/tmp,asdf=asdf", 'unknown volume parameter "asdf"'),
        ("f,kind=host,source=tmp", "source for host volume must be absolute path"),
        ("f,kind=host", "source for host volume cannot be empty"),
        ("f,kind=host,source=/t,uid=3", "uid for host volume cannot be set"),
        ("f,kind=host,source=/t,gid=0", "gid for host volume cannot be set"),
        ("f,kind=host,source=/t,mode=0755", "mode for host volume cannot be set"),
        ("f,kind=empty,source=/tmp", "source for empty volume must be empty"),
        ("f,kind=host,source=/t,copy-up=true", "copy-up for host volume cannot be set"),
        ("f,kind=empty,copyUp=true", 'unknown volume parameter "copyUp"'),
        (
            "f,kind=host,source=/tmp,recursive=MAYBE",
            'strconv.ParseBool: parsing "MAYBE": invalid syntax',
        ),
        ("f,kind=host,source=/a,source=/b", 'label source with multiple values ["/a" "/b"]'),
        ("f,name=g,kind=empty", 'label name with multiple values ["f" "g"]'),
        ("f,kind", 'malformed string "name=f,kind" - has a label without a value: kind'),
        ("f,kind=fuse", KIND),
        ("f", KIND),
        ("", "ACName cannot be empty"),
        ("f,kind=empty,uid=x", 'strconv.Atoi: parsing "x": invalid syntax'),
        ("f,kind=empty,uid=1_0", 'strconv.Atoi: parsing "1_0": invalid syntax'),
        (
            "f,kind=empty,uid=9223372036854775808",
            'strconv.Atoi: parsing "9223372036854775808": value out of range',
        ),
        ("f,kind=empty,uid=-1", "uid for empty volume must be in 0-4294967294 range"),
        ("f,kind=empty,mode=rwx", 'mode for empty volume must be octal, got "rwx"'),
        ("f,kind=empty,mode=", 'mode for empty volume must be octal, got ""'),
        ("f,kind=empty,mode=77777", 'mode for empty volume must be octal, got "77777"'),
    ],
)
def test_bad_volumes_say_why(text: str, told: str) -> None:
    with refused(told):
        Volume.parse(text)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"kind": "empty"}, "name must be set"),
        ({"name": "", "kind": "empty"}, "ACName cannot be empty"),
        ({"name": "a"}, KIND),
        ({"name": "a", "kind": "host", "source": "/\0"}, "source must not contain a NUL character"),
        ({"name": "a", "kind": "empty", "mode": 755}, "mode must be a string, got a number"),
        ({"name": "a", "kind": "empty", "uid": "0"}, "uid must be an integer, got a string"),
    ],
)
def test_bad_volumes_in_json_say_why(value: object, told: str) -> None:
    with refused(told):
        Volume.from_object(value)


def test_an_empty_volume_gets_its_defaults() -> None:
    assert Volume.from_object({"name": "a", "kind": "empty"}).to_object() == {
        "name": "a", "kind": "empty", "mode": "0755", "uid": 0, "gid": 0,
    }  # fmt: skip


def test_copying_up_is_written_in_both_forms() -> None:
    volume = Volume.parse("a,kind=empty,copy-up=true")

    assert volume.to_object()["copyUp"] is True
    assert Volume.from_object(volume.to_object()) == volume
    assert Volume.parse(str(volume)) == volume
    assert Volume.parse("a,kind=empty").to_object().get("copyUp") is None


def test_the_three_states_of_read_only_survive() -> None:
    for state in ({}, {"readOnly": False}, {"readOnly": True}):
        value = {"name": "a", "kind": "host", "source": "/", **state}
        assert Volume.from_object(value).to_object() == value


def test_volumes_can_be_made_by_hand() -> None:
    assert Volume.host("a", "/x", read_only=True) == Volume.parse(
        "a,kind=host,source=/x,readOnly=true"
    )
    assert Volume.empty("a", mode="0123", uid=9) == Volume.parse("a,kind=empty,mode=0123,uid=9")
    with refused("mode for empty volume must be set"):
        Volume("a", "empty")


def test_mounts_parse() -> None:
    assert Mount.parse("volume=data,target=/srv/a=b") == Mount("data", "/srv/a=b")
    assert Mount.parse("target=dir1,volume=data") == Mount("data", "dir1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("volume=a,path=/b", 'unknown mount parameter "path"'),
        ("volume=a,target=/b,target=/c", 'label target with multiple values ["/b" "/c"]'),
        ("volume=a,/b", 'malformed string "volume=a,/b" - has a label without a value: /b'),
        ("target=/b", "volume must be set"),
        ("volume=a", "path must be set"),
        ("volume=a,target=", "path must be set"),
    ],
)
def test_bad_mounts_say_why(text: str, told: str) -> None:
    with refused(told):
        Mount.parse(text)


def test_a_mount_with_a_bad_volume_name_names_the_flag_and_the_reason() -> None:
    with refused('invalid volume name "A" in --mount flag "volume=A,target=/b"') as caught:
        Mount.parse("volume=A,target=/b")

    assert str(caught.value.__cause__) == NAME


def test_a_mount_keeps_its_own_volume_and_unknown_fields() -> None:
    value = {
        "volume": "a",
        "path": "/b",
        "appVolume": {"name": "v", "kind": "host", "source": "/", "y": 1},
        "x": 2,
    }

    assert Mount.from_object(value).to_object() == value


@given(
    st.text(alphabet="abcdefghij=/.:- ", min_size=1, max_size=20),
    st.sampled_from([{}, {"readOnly": True}, {"readOnly": False}]),
)
def test_any_source_survives_the_string_form(tail: str, flags: dict[str, bool]) -> None:
    volume = Volume.from_object({"name": "a", "kind": "host", "source": "/" + tail, **flags})

    assert Volume.parse(str(volume)) == volume
