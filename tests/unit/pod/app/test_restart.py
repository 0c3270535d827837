"""Which annotation says whether an app is started again."""

from __future__ import annotations

import pytest

from rktpy.pod.app.annotations import AnnotationError
from rktpy.pod.app.restart import RESTART_ANNOTATION, restart_policy
from tests.unit.pod.annotated import with_annotation


def policy(app: str | None, image: str | None) -> str:
    return restart_policy(*with_annotation(RESTART_ANNOTATION, app, image))


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
    with pytest.raises(AnnotationError, match='rktpy/app/restart of app "web" is'):
        policy(word, "always")
