"""Which signal asks an app to end."""

from __future__ import annotations

import pytest

from rktpy.pod.app.annotations import AnnotationError
from rktpy.pod.app.stopsignal import STOP_SIGNAL_ANNOTATION, stop_signal
from tests.unit.pod.annotated import with_annotation


def signal_of(app: str | None, image: str | None) -> str:
    return stop_signal(*with_annotation(STOP_SIGNAL_ANNOTATION, app, image))


@pytest.mark.parametrize(
    ("app", "image", "expected"),
    [
        (None, None, ""),
        (None, "SIGQUIT", "SIGQUIT"),
        (None, "int", "SIGINT"),
        (None, "37", "37"),
        (None, "SIGRTMIN+3", "SIGRTMIN+3"),
        (None, "RTMAX-30", "SIGRTMAX-30"),
        ("SIGTERM", "SIGQUIT", "SIGTERM"),
        ("", "SIGQUIT", ""),
    ],
)
def test_the_app_s_annotation_wins_over_the_image_s(
    app: str | None, image: str | None, expected: str
) -> None:
    assert signal_of(app, image) == expected


@pytest.mark.parametrize(
    "word", ["0", "65", "99999999", "SIGNOTHING", "SIGRTMIN+31", "RTMIN+", "TERM\nUser=0", "²"]
)
def test_what_is_no_signal_is_refused(word: str) -> None:
    with pytest.raises(AnnotationError):
        signal_of(None, word)
