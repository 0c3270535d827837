"""The grammar of images and their arguments (rkt-cli 3.1)."""

from __future__ import annotations

import pytest

from rktpy.cli import walk
from rktpy.cli.apps import ImageArgumentsError, read_images

NOTHING: dict[str, str] = {}


def reading_of(words: list[str], environ: dict[str, str] | None = None) -> walk.Reading:
    command, rest = walk.find(words, environ or NOTHING)
    return walk.read(command, rest, environ or NOTHING)


def images(line: str) -> list[tuple[str, list[str]]]:
    return [(app.image, app.args) for app in read_images(reading_of(line.split(" ")))]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "run A B -- --help --- C -- --verbose",
            [("A", []), ("B", ["--help"]), ("C", ["--verbose"])],
        ),
        ("run A --- B --- C ---", [("A", []), ("B", []), ("C", [])]),
        ("run A  B", [("A", []), ("B", [])]),
        ("run A -- x  y -- z", [("A", ["x", "", "y", "--", "z"])]),
        ("run A --", [("A", [])]),
        ("run -- A", [("A", [])]),
        ("run A A", [("A", []), ("A", [])]),
        ("run A --debug -- x", [("A", ["x"])]),
        ("run A --name=a --- B", [("A", []), ("B", [])]),
        ("prepare --debug A -- -c 1 --- B", [("A", ["-c", "1"]), ("B", [])]),
        ("fetch A --- B", [("A", []), ("B", [])]),
        ("--net=host run A -", [("A", []), ("-", [])]),
        ("run", []),
    ],
)
def test_these_images_have_these_arguments(line: str, found: list[tuple[str, list[str]]]) -> None:
    assert images(line) == found


@pytest.mark.parametrize(
    ("line", "message", "cause"),
    [
        ("fetch A -- x", "unable to parse arguments", "app arguments unsupported"),
        ("run -- -- x", None, "an image is required before any app arguments"),
        ("run A -- x --- -- y", None, "only one set of app arguments allowed per image"),
        ("run A -- --- -- y", None, "only one set of app arguments allowed per image"),
        ("run A --nosuch", None, "unknown flag: --nosuch"),
        ("run A --cpu-shares=x", None, 'invalid argument "x" for --cpu-shares: '),
        ("run A --exec=a --exec=b", None, "--exec specified multiple times for the same image"),
        (
            "fetch A --signature=a --signature=b",
            "unable to parse arguments",
            "--signature specified multiple times for the same image",
        ),
        (
            "run A --mount=volume=v,target=/x",
            None,
            'dangling mount point "/x": volume "v" not found',
        ),
        (
            "run --mount volume=v,target=/x A",
            None,
            'dangling mount point "/x": volume "v" not found',
        ),
        ("run A --readonly-rootfs=x", None, "--readonly-rootfs must be set with a boolean"),
        ("run A --supplementary-gids=1,x", None, "--supplementary-gids must be integers"),
        ("run A --annotation=x", None, 'invalid format of --annotation flag "x"'),
        ("run A --user", None, "flag needs an argument: --user"),
    ],
)
def test_a_wrong_line_is_refused_in_these_words(line: str, message: str | None, cause: str) -> None:
    with pytest.raises(ImageArgumentsError) as refused:
        images(line)

    assert refused.value.message == (message or "error parsing app image arguments")
    assert refused.value.__cause__ is not None
    assert cause in str(refused.value.__cause__)


def test_options_after_an_image_are_its_own() -> None:
    words = "run A --user=1 --caps-retain=CAP_A,CAP_B --environment=X=1 B --user=2 --name=b"

    first, second = read_images(reading_of(words.split()))

    assert first.options == {
        "user": "1",
        "caps-retain": ("CAP_A", "CAP_B"),
        "environment": (("X", "1"),),
    }
    assert second.options == {"user": "2", "name": "b"}


def test_options_for_the_whole_pod_may_follow_an_image() -> None:
    reading = reading_of(["run", "A", "--net=none", "--debug", "--hostname", "h", "B"])

    apps = read_images(reading)

    assert [app.image for app in apps] == ["A", "B"]
    assert reading.options()["net"] == ("none",)
    assert reading.options()["hostname"] == "h"
    assert reading.given == {"net", "debug", "hostname"}


def test_a_mount_before_the_first_image_is_for_all() -> None:
    volume = "--volume=v,kind=empty"
    mounts = ("volume=v,target=/a", "volume=v,target=/b")
    reading = reading_of(["run", volume, "--mount", mounts[0], "A", "--mount", mounts[1]])

    (app,) = read_images(reading)

    assert reading.options()["mount"] == (mounts[0],)
    assert app.options["mount"] == (mounts[1],)


def test_a_volume_may_be_declared_after_the_image_that_mounts_it() -> None:
    words = "run A --mount volume=v,target=/a --volume v,kind=empty"

    assert len(read_images(reading_of(words.split()))) == 1


def test_the_former_name_of_a_capability_option_is_kept() -> None:
    reading = reading_of(["run", "A", "--cap-retain=CAP_X"])

    (app,) = read_images(reading)

    assert app.options == {"caps-retain": ("CAP_X",)}
    assert reading.notices == ["Flag --cap-retain has been deprecated, use --caps-retain instead"]


def test_streams_exist_only_in_the_experiment() -> None:
    reading = reading_of(["run", "A", "--stdin=tty"], {"RKT_EXPERIMENT_ATTACH": "true"})

    (app,) = read_images(reading)

    assert app.options == {"stdin": "tty"}


def test_an_unknown_stream_mode_is_refused() -> None:
    reading = reading_of(["run", "A", "--stdout=x"], {"RKT_EXPERIMENT_ATTACH": "true"})

    with pytest.raises(ImageArgumentsError) as refused:
        read_images(reading)

    assert 'invalid stdout mode "x"' in str(refused.value.__cause__)


def test_a_bad_volume_after_an_image_keeps_its_whole_reason() -> None:
    reading = reading_of(["run", "A", "--volume=v,kind=host,source=x"])

    with pytest.raises(ImageArgumentsError) as refused:
        read_images(reading)

    assert 'invalid value in --volume flag "v,kind=host,source=x": ' in str(refused.value.__cause__)
