"""Which signal asks an app to end."""

from __future__ import annotations

import pytest

from rktpy.appc.image import ImageManifest
from rktpy.appc.pod import RuntimeApp
from rktpy.pod.stopsignal import StopSignalError, stop_signal

IMAGE_ID = f"sha512-{'0' * 128}"


def notes(word: str | None) -> list[dict[str, str]]:
    return [] if word is None else [{"name": "rktpy/docker/stop-signal", "value": word}]


def signal_of(app: str | None, image: str | None) -> str:
    runtime = {"name": "web", "image": {"id": IMAGE_ID}, "annotations": notes(app)}
    manifest = {
        "acKind": "ImageManifest",
        "acVersion": "0.8.11",
        "name": "example.com/web",
        "annotations": notes(image),
    }
    return stop_signal(RuntimeApp.from_object(runtime), ImageManifest.from_object(manifest))


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
    with pytest.raises(StopSignalError):
        signal_of(None, word)
