"""The pod manifest as a whole."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

import rktpy
from rktpy import codec
from rktpy.appc.pod import ExposedPort, PodManifest, RuntimeApp, RuntimeImage
from rktpy.appc.types import AppcError, ImageID

APP: dict[str, Any] = {"name": "a", "image": {"id": "sha512-ab"}}
POD: dict[str, Any] = {"acVersion": "0.8.11", "acKind": "PodManifest", "apps": [APP]}


def refused(expected: str) -> pytest.RaisesExc[AppcError]:
    return pytest.raises(AppcError, match=f"^{re.escape(expected)}$")


def test_a_whole_pod_is_written_in_gos_order() -> None:
    text = (
        '{"acVersion":"0.8.11","acKind":"PodManifest","apps":[{"name":"a","image":'
        '{"name":"example.com/a","id":"sha512-ab","labels":[{"name":"os","value":"linux"}]},'
        '"app":{"exec":["/a"],"user":"0","group":"0"},"readOnlyRootFS":true,'
        '"mounts":[{"volume":"v","path":"/v"}],"annotations":[{"name":"x","value":"y"}]}],'
        '"volumes":[{"name":"v","kind":"host","source":"/v"}],'
        '"isolators":[{"name":"resource/memory","value":{"limit":"4G"}}],'
        '"annotations":[{"name":"ip","value":"1"}],"ports":[{"name":"p","hostPort":80,'
        '"hostIP":"127.0.0.1","podPort":{"name":"q","protocol":"tcp","port":8080,"count":1,'
        '"socketActivated":false}}],"userAnnotations":{"a":"1"},"userLabels":{"b":"2"}}'
    )

    assert codec.compact(PodManifest.from_json(text).to_object()) == text


def test_lists_that_are_always_written_keep_null_and_empty_apart() -> None:
    head = '{"acVersion":"0.8.11","acKind":"PodManifest","apps":[],'
    text = head + '"volumes":null,"isolators":[],"annotations":null,"ports":[]}'
    pod = PodManifest.from_json(text)

    assert codec.compact(pod.to_object()) == text
    assert pod.volumes == pod.isolators == ()


def test_a_fresh_pod_writes_null_for_what_it_lacks() -> None:
    assert PodManifest("0.8.11").to_object() == {
        "acVersion": "0.8.11", "acKind": "PodManifest", "apps": None, "volumes": None,
        "isolators": None, "annotations": None, "ports": None,
    }  # fmt: skip


def test_a_pod_without_version_is_read_and_written_without() -> None:
    pod = PodManifest.from_object({"acKind": "PodManifest"})

    assert pod.ac_version == ""
    assert "acVersion" not in pod.to_object()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"acKind": None}, "ACKind must be set"),
        ({"acKind": ""}, "ACKind must be set"),
        ({"acKind": "Pod"}, "bad ACKind: Pod"),
        ({"acKind": "ImageManifest"}, 'missing or bad ACKind (must be "PodManifest")'),
        ({"acVersion": "1"}, "SemVer is bad"),
        ({"acVersion": ""}, "SemVer is bad"),
        ({"acVersion": "0.0.0"}, "SemVer cannot be zero"),
        ({"apps": [APP, APP]}, 'duplicate apps of name "a"'),
        ({"apps": [{"image": {"id": "sha512-ab"}}]}, "ACName cannot be empty"),
        ({"apps": [APP | {"image": {"id": "ab"}}]}, "badly formatted hash string"),
        ({"apps": [APP | {"image": {"name": ""}}]}, "ACIdentifier cannot be empty"),
        ({"apps": [APP | {"app": {}}]}, "user is required"),
        ({"apps": [APP | {"mounts": [{"path": "/"}]}]}, "ACName cannot be empty"),
        ({"apps": [APP | {"mounts": [{"volume": "a/b"}]}]}, None),
        (
            {"apps": [APP | {"annotations": [{"name": "a"}, {"name": "a"}]}]},
            'duplicate annotations of name "a"',
        ),
        (
            {"apps": [APP | {"image": {"labels": [{"name": "name"}]}}]},
            'invalid label name: "name"',
        ),
        ({"volumes": [{"name": "v", "kind": "empty"}] * 2}, 'duplicate volume name "v"'),
        ({"annotations": [{"name": "a"}, {"name": "a"}]}, 'duplicate annotations of name "a"'),
        ({"isolators": [{"name": "resource/cpu", "value": {"default": True}}]}, None),
        ({"ports": [{"name": "a"}]}, "hostPort must be in 1-65535 range"),
        ({"ports": [{"name": "a", "hostPort": 65536}]}, "hostPort must be in 1-65535 range"),
        ({"ports": [{"name": "a", "hostPort": -1}]}, "hostPort must not be negative, got -1"),
        ({"ports": [{"hostPort": 1}]}, "ACName cannot be empty"),
        (
            {"ports": [{"name": "a", "hostPort": 1, "hostIP": "1.2.3"}]},
            "invalid IP address: 1.2.3",
        ),
        ({"apps": {}}, "apps must be a list, got an object"),
    ],
)
def test_a_broken_pod_says_why(change: dict[str, object], told: str | None) -> None:
    with refused(told) if told else pytest.raises(AppcError):
        PodManifest.from_object(POD | change)


def test_what_is_no_object_is_no_pod() -> None:
    with refused("pod manifest must be an object, got a list"):
        PodManifest.from_json("[]")


def test_a_syntax_error_is_the_cause_of_an_error_of_appc() -> None:
    with refused("cannot read pod manifest") as caught:
        PodManifest.from_json('{"acKind"')

    assert isinstance(caught.value.__cause__, codec.CodecError)


@pytest.mark.parametrize("depth", [101, 100_000])
def test_a_deeply_nested_manifest_is_an_error_not_a_crash(depth: int) -> None:
    with pytest.raises(AppcError):
        PodManifest.from_json('{"acKind":"PodManifest","x":' + "[" * depth + "]" * depth + "}")


def test_pod_isolators_may_repeat_conflict_and_be_unknown() -> None:
    given = [
        {"name": "os/linux/seccomp-retain-set", "value": {"set": ["a"]}},
        {"name": "os/linux/seccomp-remove-set", "value": {"set": ["a"]}},
        {"name": "os/linux/seccomp-remove-set", "value": {"set": ["a"]}},
        {"name": "example.com/ponies", "value": None},
    ]

    assert PodManifest.from_object(POD | {"isolators": given}).to_object()["isolators"] == given


def test_a_template_may_leave_out_image_ids() -> None:
    pod = PodManifest.from_object(POD | {"apps": [{"name": "a", "image": {"name": "b"}}]})

    assert pod.apps[0].image == RuntimeImage(None, "b")
    assert pod.to_object()["apps"] == [{"name": "a", "image": {"name": "b"}}]


def test_lenient_reading_takes_parts_without_a_name() -> None:
    value = POD | {
        "apps": [{"mounts": [{"path": "/"}]}],
        "ports": [{"hostPort": 1}],
        "annotations": [{"value": "x"}],
        "isolators": [{"value": 1}],
    }

    assert PodManifest.from_object(value, lenient=True).apps[0].name == ""
    with refused("ACName cannot be empty"):
        PodManifest.from_object(value)


def test_unknown_fields_survive_at_every_level_and_can_be_dropped() -> None:
    given: dict[str, Any] = POD | {
        "apps": [
            APP
            | {
                "image": {
                    "id": "sha512-ab",
                    "labels": [{"name": "l", "value": "", "x1": 1}],
                    "x2": 2,
                },
                "mounts": [{"volume": "v", "path": "/", "x3": 3}],
                "annotations": [{"name": "a", "value": "", "x4": 4}],
                "x5": 5,
            }
        ],
        "volumes": [{"name": "v", "kind": "host", "source": "/", "x6": 6}],
        "isolators": [{"name": "i", "value": 1, "x7": 7}],
        "annotations": None,
        "ports": [{"name": "p", "hostPort": 1, "x8": 8}],
        "x9": {"deep": [1.50]},
    }
    pod = PodManifest.from_json(codec.compact(given))

    assert pod.to_object() == given
    assert '"x' not in codec.compact(pod.to_object(keep_unknown=False))
    assert list(pod.to_object())[-1] == "x9"


def test_a_repeated_key_counts_once() -> None:
    pod = PodManifest.from_json('{"acKind":"x","ACKIND":"y","acKind":"PodManifest","apps":[]}')

    assert pod.unknown == {}


def test_parts_can_be_looked_up() -> None:
    pod = PodManifest.from_object(
        POD
        | {
            "volumes": [{"name": "v", "kind": "empty"}],
            "annotations": [{"name": "a", "value": "1"}],
        }
    )

    assert pod.app("a") is pod.apps[0]
    assert pod.volume("v") is pod.volumes[0]
    assert (pod.annotation("a"), pod.annotation("b")) == ("1", None)
    assert (pod.app("b"), pod.volume("w"), pod.apps[0].annotation("a")) == (None, None, None)


def test_names_made_by_hand_are_checked() -> None:
    with refused('ACName must contain only lower case alphanumeric characters plus "-"'):
        RuntimeApp("A", RuntimeImage(ImageID("sha512", "ab")))
    with refused("ACIdentifier cannot be empty"):
        RuntimeImage(None, "")
    with refused("SemVer is bad"):
        PodManifest("x")


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("foo:123", ExposedPort("foo", 123)),
        ("foo:12345", ExposedPort("foo", 12345)),
        ("foo:127.0.0.1:80", ExposedPort("foo", 80, "127.0.0.1")),
        ("foo:[::1]:80", ExposedPort("foo", 80, "::1")),
        ("foo:::1:80", ExposedPort("foo", 80, "::1")),
        ("foo:80,from=10.0.0.0/8", ExposedPort("foo", 80, sources=("10.0.0.0/8",))),
        (
            "foo:[::1]:80,from=::1,from=fd00::/8",
            ExposedPort("foo", 80, "::1", sources=("::1", "fd00::/8")),
        ),
    ],
)
def test_published_ports_parse(text: str, port: ExposedPort) -> None:
    assert ExposedPort.parse(text) == port
    assert ExposedPort.from_object(port.to_object()) == port


@pytest.mark.parametrize(
    ("text", "told", "cause"),
    [
        ("foo", '"foo" is not in name:[ip:]port format', None),
        (
            "f$o:123",
            '"f$o" is not a valid port name',
            'ACName must contain only lower case alphanumeric characters plus "-"',
        ),
        ("foo:1.2.3:80", '"1.2.3" is not a valid IP', None),
        ("foo::80", '"" is not a valid IP', None),
        (
            "foo:x",
            '"x" is not a valid port number',
            'strconv.ParseUint: parsing "x": invalid syntax',
        ),
        ("foo:1,from=10.0.0.0/33", '"10.0.0.0/33" is not a valid network', None),
        ("foo:1,from=", '"" is not a valid network', None),
        ("foo:1,to=::1", 'unknown port option "to=::1" (there is from=NETWORK)', None),
        ("foo:0", '"0" is not a valid port number', "hostPort must be in 1-65535 range"),
        (
            "foo:65536",
            '"65536" is not a valid port number',
            'strconv.ParseUint: parsing "65536": value out of range',
        ),
    ],
)
def test_bad_published_ports_say_why(text: str, told: str, cause: str | None) -> None:
    with refused(told) as caught:
        ExposedPort.parse(text)

    assert (str(caught.value.__cause__) if cause else None) == cause


def test_reading_a_pod_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from rktpy.appc.pod import PodManifest\n"
        "PodManifest.from_json(sys.argv[2]).to_object()\n"
        "heavy = 're enum typing dataclasses json pathlib collections functools inspect decimal'\n"
        "print([m for m in heavy.split() if m in sys.modules])"
    )
    home = rktpy.__path__[0].rpartition("/")[0]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, home, codec.compact(POD)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout == "[]\n"
