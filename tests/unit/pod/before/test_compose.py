"""From images and options to a pod manifest, with every refusal of rkt-cli 4.1.4."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.appc import isolators
from rktpy.appc.app import App, MountPoint, Port
from rktpy.appc.image import ImageManifest
from rktpy.appc.pod import ExposedPort, Mount, PodManifest, RuntimeApp, RuntimeImage, Volume
from rktpy.appc.quantity import Quantity
from rktpy.appc.types import Annotation, EnvironmentVariable, ImageID, Label
from rktpy.errors import RktError
from rktpy.pod.app.environment import Sources
from rktpy.pod.app.overrides import AppSpec
from rktpy.pod.before.compose import (
    PodImage,
    PodOptions,
    complete,
    compose,
    read_pod_manifest,
    require_apps,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

KEY = "sha512-" + "ab" * 32
LINUX = (Label("os", "linux"), Label("arch", "amd64"))
APP = App(
    exec=("/bin/web", "-v"),
    user="web",
    group="web",
    working_directory="/srv",
    environment=(EnvironmentVariable("A", "image"), EnvironmentVariable("B", "image")),
    mount_points=(MountPoint("data", "/data"),),
    ports=(Port("http", "tcp", 80),),
)


def manifest(name: str = "example.com/web", **changes: Any) -> ImageManifest:
    fields: dict[str, Any] = {"name": name, "ac_version": "0.8.11", "labels": LINUX, "app": APP}
    fields |= changes
    return ImageManifest(**fields)


def image(found: ImageManifest | None = None, **spec: Any) -> PodImage:
    return PodImage(AppSpec(image="typed", **spec), KEY, found or manifest())


def pod(*images: PodImage, **options: Any) -> PodManifest:
    return compose(images, PodOptions(**options), uid=7, gid=8)


def app_of(found: PodManifest) -> App:
    app = found.apps[0].app
    assert app is not None
    return app


def chain(error: BaseException) -> str:
    texts = [str(error)]
    while (cause := error.__cause__) is not None:
        error = cause
        texts.append(str(error))
    return ": ".join(texts)


def test_an_image_becomes_an_app_named_after_it() -> None:
    found = pod(image())

    assert found == PodManifest(
        ac_version="0.8.11",
        apps=(
            RuntimeApp(
                name="web",
                image=RuntimeImage(ImageID.parse(KEY), "example.com/web", LINUX),
                app=APP,
            ),
        ),
        annotations=(Annotation("coreos.com/rkt/stage1/mutable", "false"),),
    )


def test_apps_keep_the_order_of_the_command_line() -> None:
    found = pod(image(manifest("z/b")), image(manifest("a/a")), image(name="mine"))

    assert [app.name for app in found.apps] == ["b", "a", "mine"]


def test_what_is_composed_can_be_written_and_read_again() -> None:
    found = pod(
        image(mounts=(Mount("data", "/d"),), user_annotations=(("k", "v"),)),
        volumes=(Volume.empty("data"),),
        ports=(ExposedPort("http", 8080),),
    )

    assert PodManifest.from_object(found.to_object()) == found


def test_options_override_the_images_app() -> None:
    found = pod(
        image(
            user="u",
            group="g",
            working_directory="/w",
            supplementary_gids=(5,),
            read_only_rootfs=True,
            annotations=(("note", "1"),),
            user_annotations=(("k", "v"),),
            user_labels=(("l", "w"),),
            stdin="stream",
            isolators=(isolators.make_memory(Quantity.parse("16Mi")),),
        )
    )

    app = app_of(found)
    assert (app.user, app.group, app.working_directory) == ("u", "g", "/w")
    assert app.supplementary_gids == (5,)
    assert (app.user_annotations, app.user_labels) == ({"k": "v"}, {"l": "w"})
    assert isolators.memory_limit(app.isolators) == Quantity.parse("16Mi")
    assert found.apps[0].read_only_rootfs
    assert found.apps[0].annotation("note") == "1"
    assert found.apps[0].annotation("coreos.com/rkt/stage2/stdin") == "stream"


@pytest.mark.parametrize(
    ("spec", "command"),
    [
        ({}, ("/bin/web", "-v")),
        ({"args": ("x",)}, ("/bin/web", "-v", "x")),
        ({"exec": "/other bin"}, ("/other bin",)),
        ({"exec": "tool", "args": ("--a", "b c")}, ("tool", "--a", "b c")),
    ],
)
def test_exec_replaces_the_command_and_arguments_follow(
    spec: dict[str, Any], command: tuple[str, ...]
) -> None:
    assert app_of(pod(image(**spec))).exec == command


def test_an_image_without_app_runs_as_the_caller() -> None:
    found = app_of(pod(image(manifest(app=None), exec="/bin/x", args=("1",))))

    assert (found.exec, found.user, found.group) == (("/bin/x", "1"), "7", "8")


def test_variables_come_in_rkts_order_of_precedence() -> None:
    sources = Sources(
        inherited={"A": "host", "C": "host", "D": "host"},
        files={"D": "file", "E": "file"},
        pairs={"E": "set"},
    )
    found = app_of(pod(image(environment=(("B", "option"),)), environment=sources))

    assert {variable.name: variable.value for variable in found.environment} == {
        "A": "image",
        "B": "option",
        "C": "host",
        "D": "file",
        "E": "set",
    }


def test_mounts_of_the_app_come_before_those_for_all() -> None:
    found = pod(
        image(mounts=(Mount("own", "/d"),)),
        mounts=(Mount("all", "/d/"), Mount("all", "/e")),
        volumes=(Volume.empty("own"), Volume.empty("all")),
    )

    assert [(m.volume, m.path) for m in found.apps[0].mounts] == [("own", "/d"), ("all", "/e")]


def test_a_sandbox_is_marked_mutable() -> None:
    assert pod(mutable=True).annotation("coreos.com/rkt/stage1/mutable") == "true"


@pytest.mark.parametrize(
    ("images", "options", "text"),
    [
        ([image(), image()], {}, "error: multiple apps with name web"),
        (
            [image(manifest(app=None))],
            {},
            f"error: image {KEY} has no app section and --exec argument is not provided",
        ),
        (
            [image(manifest(labels=LINUX[1:]))],
            {},
            "missing os label in the image manifest",
        ),
        (
            [image(manifest(labels=LINUX[:1]))],
            {},
            "missing arch label in the image manifest",
        ),
        (
            [image(manifest(labels=(Label("os", "freebsd"), LINUX[1])))],
            {},
            'bad os "freebsd" (must be one of: [linux])',
        ),
        (
            [image(name="Bad_Name")],
            {},
            "invalid app name format: ACName must contain only lower case alphanumeric characters"
            ' plus "-"',
        ),
        (
            [image()],
            {"ports": (ExposedPort("nosuch", 80),)},
            'port name "nosuch" could not be found in any apps',
        ),
        (
            [image(), image(name="two")],
            {"ports": (ExposedPort("http", 80),)},
            'port name "http" defined multiple apps',
        ),
        (
            [image()],
            {"volumes": (Volume.empty("v"), Volume.host("v", "/x"))},
            'duplicate volume name "v"',
        ),
        (
            [
                image(
                    isolators=(
                        isolators.make_capabilities_retain(["CAP_KILL"]),
                        isolators.make_capabilities_remove(["CAP_KILL"]),
                    )
                )
            ],
            {},
            "error: cannot use both --caps-retain and --caps-remove on the same image",
        ),
        ([image(working_directory="w")], {}, "workingDirectory must be an absolute path"),
        (
            [image(environment=(("1A", "x"),))],
            {},
            'environment variable does not have valid identifier "1A"',
        ),
    ],
)
def test_what_makes_no_pod_is_refused(
    images: list[PodImage], options: dict[str, Any], text: str
) -> None:
    with pytest.raises(RktError) as caught:
        pod(*images, **options)

    assert chain(caught.value) == text


def find(key: str) -> tuple[str, ImageManifest]:
    return key[:71], manifest()


def written(**changes: Any) -> RuntimeApp:
    fields: dict[str, Any] = {"name": "web", "image": RuntimeImage(ImageID.parse(KEY))} | changes
    return RuntimeApp(**fields)


def test_a_written_manifest_takes_the_images_app_where_it_has_none() -> None:
    own = App(exec=("/own",), user="0", group="0")
    source = PodManifest("0.8.11", apps=(written(), written(name="own", app=own)))

    found, images = complete(source, find)

    assert [app.app for app in found.apps] == [APP, own]
    assert [(image.app, image.key) for image in images] == [("web", KEY), ("own", KEY)]


@pytest.mark.parametrize(
    ("app", "stored", "text"),
    [
        (written(image=RuntimeImage(None)), manifest(), 'no image ID for app "web"'),
        (
            written(),
            manifest(app=None),
            "no app section in the pod manifest or the image manifest",
        ),
        (
            written(app=APP),
            manifest(labels=()),
            "missing os label in the image manifest",
        ),
    ],
)
def test_a_written_manifest_that_cannot_run_is_refused(
    app: RuntimeApp, stored: ImageManifest, text: str
) -> None:
    with pytest.raises(RktError) as caught:
        complete(PodManifest("0.8.11", apps=(app,)), lambda key: (key, stored))

    assert caught.value.message == text


def test_a_pod_without_apps_does_not_start() -> None:
    with pytest.raises(RktError, match="pod must contain at least one application"):
        require_apps(PodManifest("0.8.11"))


def test_a_manifest_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "pod.json"
    path.write_text('{"acKind":"PodManifest","acVersion":"0.8.11","apps":null}')

    assert read_pod_manifest(str(path)) == PodManifest("0.8.11")


def test_a_manifest_that_is_not_there_is_named() -> None:
    with pytest.raises(RktError, match='cannot read pod manifest "/nonexistent"'):
        read_pod_manifest("/nonexistent")
