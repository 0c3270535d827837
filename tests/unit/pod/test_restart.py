"""Which annotation says whether an app is started again."""

from __future__ import annotations

import pytest

from rktpy.appc.image import ImageManifest
from rktpy.appc.pod import RuntimeApp
from rktpy.pod.restart import RestartPolicyError, restart_policy

IMAGE_ID = f"sha512-{'0' * 128}"


def notes(word: str | None) -> list[dict[str, str]]:
    return [] if word is None else [{"name": "rktpy/app/restart", "value": word}]


def policy(app: str | None, image: str | None) -> str:
    runtime = {"name": "web", "image": {"id": IMAGE_ID}, "annotations": notes(app)}
    manifest = {
        "acKind": "ImageManifest",
        "acVersion": "0.8.11",
        "name": "example.com/web",
        "annotations": notes(image),
    }
    return restart_policy(RuntimeApp.from_object(runtime), ImageManifest.from_object(manifest))


@pytest.mark.parametrize(
    ("app", "image", "expected"),
    [
        (None, None, "no"),
        (None, "always", "always"),
        ("on-failure", None, "on-failure"),
        ("no", "always", "no"),
    ],
)
def test_the_app_s_annotation_wins_over_the_image_s(
    app: str | None, image: str | None, expected: str
) -> None:
    assert policy(app, image) == expected


@pytest.mark.parametrize("word", ["", "yes", "On-Failure", "always\n"])
def test_another_word_is_refused_with_the_app_that_has_it(word: str) -> None:
    with pytest.raises(RestartPolicyError, match='rktpy/app/restart of app "web" is'):
        policy(word, "always")
