"""The image manifest as a whole, and what is left to say about a broken one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rktpy import codec
from rktpy.appc.image import ImageManifest
from rktpy.appc.lastditch import image_outline, pod_outline
from rktpy.appc.types import AppcError

IMAGE: dict[str, Any] = {
    "acKind": "ImageManifest",
    "acVersion": "0.8.11",
    "name": "example.com/a",
}


def refused(expected: str) -> pytest.RaisesExc[AppcError]:
    return pytest.raises(AppcError, match=f"^{re.escape(expected)}$")


def test_a_whole_image_is_written_in_gos_order() -> None:
    text = (
        '{"acKind":"ImageManifest","acVersion":"0.8.11+git","name":"example.com/a",'
        '"labels":[{"name":"version","value":"1"},{"name":"os","value":"linux"}],'
        '"app":{"exec":["/a"],"user":"0","group":"0"},'
        '"annotations":[{"name":"authors","value":"A \\u003ca@example.com\\u003e"}],'
        '"dependencies":[{"imageName":"example.com/b","imageID":"sha512-...",'
        '"labels":[{"name":"env","value":"canary"}],"size":22017258}],'
        '"pathWhitelist":["/a","relative"]}'
    )

    assert codec.compact(ImageManifest.from_json(text).to_object()) == text


def test_empty_lists_are_left_out() -> None:
    keys = ("labels", "annotations", "dependencies", "pathWhitelist")

    assert ImageManifest.from_object(IMAGE | {key: [] for key in keys}).to_object() == IMAGE
    assert ImageManifest.from_object(IMAGE | dict.fromkeys(keys)).to_object() == IMAGE


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"acKind": None}, "ACKind must be set"),
        ({"acKind": "Image"}, "bad ACKind: Image"),
        ({"acKind": "PodManifest"}, 'missing or bad ACKind (must be "ImageManifest")'),
        ({"acKind": 1}, "acKind must be a string, got a number"),
        ({"acVersion": None}, "acVersion must be set"),
        ({"acVersion": ""}, "SemVer is bad"),
        ({"acVersion": "0.0.0"}, "SemVer cannot be zero"),
        ({"name": None}, "name must be set"),
        ({"name": ""}, "ACIdentifier cannot be empty"),
        (
            {"name": "a/"},
            "ACIdentifier must start and end with only lower case alphanumeric characters",
        ),
        ({"labels": [{"name": "a"}, {"name": "a"}]}, 'duplicate labels of name "a"'),
        ({"labels": [{"value": "a"}]}, "ACIdentifier cannot be empty"),
        ({"labels": [{"name": "name"}]}, 'invalid label name: "name"'),
        (
            {"labels": [{"name": "os", "value": "x\n"}]},
            'bad os "x\\n" (must be one of: [darwin freebsd linux])',
        ),
        ({"annotations": [{"name": "a"}, {"name": "a"}]}, 'duplicate annotations of name "a"'),
        (
            {"annotations": [{"name": "homepage", "value": "ftp://a"}]},
            "bad URL scheme, must be http/https",
        ),
        ({"app": {"user": "0"}}, "group is required"),
        ({"dependencies": [{}]}, "imageName cannot be empty"),
        ({"dependencies": [{"imageName": ""}]}, "ACIdentifier cannot be empty"),
        (
            {"dependencies": [{"imageName": "a", "imageID": "sha1-a"}]},
            "unrecognized hash type: sha1",
        ),
        ({"dependencies": [{"imageName": "a", "size": -1}]}, "size must not be negative, got -1"),
        (
            {"dependencies": [{"imageName": "a", "labels": [{"name": "name"}]}]},
            'invalid label name: "name"',
        ),
        ({"pathWhitelist": "/a"}, "pathWhitelist must be a list, got a string"),
        ({"pathWhitelist": ["/" * 4097]}, None),
        ({"labels": [{"name": "a" + str(i)} for i in range(10_001)]}, None),
    ],
)
def test_a_broken_image_says_why(change: dict[str, object], told: str | None) -> None:
    with refused(told) if told else pytest.raises(AppcError):
        ImageManifest.from_object(IMAGE | change)


def test_missing_os_and_arch_are_fine_to_read() -> None:
    image = ImageManifest.from_object(IMAGE | {"labels": [{"name": "arch", "value": "z80"}]})

    assert (image.label("arch"), image.label("os")) == ("z80", None)


def test_annotations_can_be_looked_up() -> None:
    image = ImageManifest.from_object(IMAGE | {"annotations": [{"name": "a", "value": "1"}]})

    assert (image.annotation("a"), image.annotation("b")) == ("1", None)


def test_unknown_fields_survive_and_can_be_dropped() -> None:
    given = IMAGE | {
        "dependencies": [{"imageName": "b", "x1": 1}],
        "annotations": [{"name": "a", "value": "", "x2": 2}],
        "x3": {"n": None},
    }
    image = ImageManifest.from_object(given)

    assert image.to_object() == given
    assert '"x' not in codec.compact(image.to_object(keep_unknown=False))
    assert ImageManifest.from_object(image.to_object()) == image


def test_a_changed_image_is_checked_again() -> None:
    image = ImageManifest.from_object(IMAGE)

    assert image.replace(ac_version="0.8.12").ac_version == "0.8.12"
    with refused("SemVer is bad"):
        image.replace(ac_version="x")


def test_an_image_made_by_hand_needs_a_name() -> None:
    with refused("name must be set"):
        ImageManifest("", "0.8.11")


def test_a_large_white_list_is_read() -> None:
    paths = [f"/usr/share/doc/{number}" for number in range(60_000)]

    assert len(ImageManifest.from_object(IMAGE | {"pathWhitelist": paths}).path_whitelist) == 60_000


def test_a_broken_image_can_still_be_named() -> None:
    broken = IMAGE | {
        "acVersion": "nonsense",
        "name": "Not Valid",
        "labels": [{"name": "version", "value": "1"}, {"name": "OS", "value": "x"}],
        "app": 1,
    }

    assert str(image_outline(codec.compact(broken))) == "Not Valid,version=1,OS=x"


def test_a_broken_pod_can_still_be_named() -> None:
    broken = {"acKind": "PodManifest", "apps": [{"name": "A B", "image": {"name": "C", "id": "d"}}]}

    ((name, image),) = pod_outline(codec.compact(broken)).apps

    assert (name, image.name, image.id) == ("A B", "C", "d")


@pytest.mark.parametrize("source", ["{}", "x", '{"acKind":"PodManifest"}', '{"acKind":1}'])
def test_what_is_no_image_manifest_cannot_be_named(source: str) -> None:
    with pytest.raises(AppcError):
        image_outline(source)
