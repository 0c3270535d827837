"""How long an app may be silent, by annotation; and what the host's unit says of it."""

from __future__ import annotations

import pytest

from rktpy.pod.app.annotations import AnnotationError
from rktpy.pod.app.watchdog import WATCHDOG_ANNOTATION, watch_of_host, watchdog
from tests.unit.pod.annotated import with_annotation


@pytest.mark.parametrize(
    ("app", "image", "milliseconds"),
    [
        (None, None, 0),
        (None, "30s", 30_000),
        ("0", "30s", 0),
        ("1m30s", None, 90_000),
        ("500ms", "1h", 500),
        ("24h", None, 86_400_000),
    ],
)
def test_the_app_s_annotation_wins_over_the_image_s(
    app: str | None, image: str | None, milliseconds: int
) -> None:
    assert watchdog(*with_annotation(WATCHDOG_ANNOTATION, app, image)) == milliseconds


@pytest.mark.parametrize(
    "word", ["", "30", "s", "0s", "-1s", "1.5s", "1 s", "1s\n", "25h", "9" * 40 + "s", "٣s", "1us"]
)
def test_what_is_no_such_time_is_refused_with_the_app_that_has_it(word: str) -> None:
    with pytest.raises(AnnotationError, match='rktpy/app/watchdog of app "web" is'):
        watchdog(*with_annotation(WATCHDOG_ANNOTATION, word, None))


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, ""),
        ({"WATCHDOG_USEC": "30000000"}, ""),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, ""),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, "30s"),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "7"}, "1500ms"),
        ({"WATCHDOG_USEC": "soon", "WATCHDOG_PID": "7"}, ""),
    ],
)
def test_only_the_main_process_of_a_unit_is_watched(environ: dict[str, str], said: str) -> None:
    assert watch_of_host(environ, 7) == said
