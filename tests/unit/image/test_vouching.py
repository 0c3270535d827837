"""Whether an image is the one that was asked for."""

from __future__ import annotations

import pytest

from rktpy.appc.image import ImageManifest
from rktpy.appc.names import ImageName
from rktpy.codec import compact
from rktpy.image.errors import FetchError
from rktpy.image.vouching import check_labels
from tests.support.images import host_arch, image_manifest

HERE = {"os": "linux", "arch": host_arch()}


def _check(wanted: str, name: str = "example.com/app", **labels: str) -> None:
    asked = ImageName.parse(wanted)
    manifest = ImageManifest.from_json(compact(image_manifest(name, labels=labels)).encode())
    check_labels(asked, asked.with_defaults(), manifest)


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [
        ("example.com/app", HERE),
        ("example.com/app", HERE | {"version": "3", "more": "x"}),
        ("example.com/app", {}),
        ("example.com/app:3", {"version": "3"}),
    ],
)
def test_an_image_with_what_was_asked_for_is_taken(wanted: str, labels: dict[str, str]) -> None:
    _check(wanted, **labels)


@pytest.mark.parametrize(
    ("wanted", "labels", "words"),
    [
        ("example.com/other", HERE, '"example.com/other" expected but "example.com/app" found'),
        ("example.com/app:2", {"version": "3"}, '"version": "2" differs .*: "3"'),
        ("example.com/app", HERE | {"os": "freebsd"}, '"os": "linux" differs'),
        ("example.com/app,x=y", HERE, 'requested label "x" not provided'),
        ("example.com/app,os=linux", {}, 'requested label "os" not provided'),
    ],
)
def test_any_other_image_is_refused(wanted: str, labels: dict[str, str], words: str) -> None:
    with pytest.raises(FetchError, match=words):
        _check(wanted, **labels)
