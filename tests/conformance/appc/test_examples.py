"""Manifests of the shapes the appc specification shows, and what may be concluded from them.

``examples/`` holds our own documents that use every feature of the specification's examples
(schema ``examples/`` and the two images of its executor validator), odd values included.
"""

from __future__ import annotations

import pathlib

import pytest

from rktpy import codec
from rktpy.appc import isolators
from rktpy.appc.arch import check_runnable
from rktpy.appc.image import ImageManifest
from rktpy.appc.names import app_name
from rktpy.appc.pod import PodManifest

EXAMPLES = pathlib.Path(__file__).parent / "examples"
IMAGES = ("image.json", "ace_main.json", "ace_sidekick.json")
PODS = ("pod_runtime.json", "pod_template.json")


def image(name: str) -> ImageManifest:
    return ImageManifest.from_json((EXAMPLES / name).read_bytes())


def pod(name: str) -> PodManifest:
    return PodManifest.from_json((EXAMPLES / name).read_bytes())


@pytest.mark.parametrize("name", IMAGES)
def test_writing_an_image_settles_after_one_round(name: str) -> None:
    once = codec.compact(image(name).to_object())

    assert codec.compact(ImageManifest.from_json(once).to_object()) == once


@pytest.mark.parametrize("name", PODS)
def test_writing_a_pod_settles_after_one_round(name: str) -> None:
    once = codec.compact(pod(name).to_object())

    assert codec.compact(PodManifest.from_json(once).to_object()) == once


def test_the_full_image_says_what_it_runs() -> None:
    manifest = image("image.json")
    app = manifest.app

    assert app is not None
    assert app.exec == ("/usr/bin/printer", "--silent")
    assert [handler.name for handler in app.event_handlers] == ["pre-start", "post-stop"]
    assert app.ports[0].socket_activated
    assert app.ports[0].count == 1
    assert manifest.dependencies[0].image_id is not None
    assert str(manifest.dependencies[0].image_id) == "sha512-..."
    assert manifest.path_whitelist[-1] == "/etc/systemd/system/"


def test_the_full_image_says_what_limits_it() -> None:
    app = image("image.json").app
    assert app is not None
    memory, cpu = isolators.memory_limit(app.isolators), isolators.cpu_limit(app.isolators)
    seccomp = isolators.seccomp(app.isolators)

    assert memory is not None
    assert memory.integer() == 10**9
    assert cpu is not None
    assert cpu.milli() == 20
    assert seccomp is not None
    assert seccomp[1].errno == "EACCESS"  # misspelt in the specification too, and accepted
    assert isolators.bounding_set(app.isolators) == ("CAP_NET_ADMIN", "CAP_NET_BIND_SERVICE")
    assert isolators.no_new_privileges(app.isolators)
    assert isolators.ignored(app.isolators) == ()


@pytest.mark.parametrize("name", IMAGES)
def test_the_images_run_on_linux(name: str) -> None:
    check_runnable(image(name).labels)


def test_the_validator_images_give_the_app_names_it_expects() -> None:
    names = [app_name(image(name).name) for name in ("ace_main.json", "ace_sidekick.json")]

    assert names == ["ace-validator-main", "ace-validator-sidekick"]


def test_annotations_keep_their_order() -> None:
    names = [annotation.name for annotation in image("ace_main.json").annotations]

    assert names == ["created", "authors", "homepage", "documentation", "lorem"]


def test_the_runtime_pod_pins_every_image() -> None:
    manifest = pod("pod_runtime.json")

    assert [app.name for app in manifest.apps] == ["printer", "backup", "clerk"]
    assert all(app.image.id is not None for app in manifest.apps)
    assert {volume.name: volume.kind for volume in manifest.volumes} == {
        "jobs": "host",
        "out": "empty",
    }
    assert isolators.ignored(manifest.isolators) == ()


def test_the_template_may_leave_images_open() -> None:
    manifest = pod("pod_template.json")

    assert [app.image.id is None for app in manifest.apps] == [False, True]
    assert manifest.ac_version == "0.3.0"


def test_the_stored_form_is_the_one_gos_library_writes() -> None:
    assert codec.compact(image("ace_sidekick.json").to_object(keep_unknown=False)) == (
        '{"acKind":"ImageManifest","acVersion":"0.8.11",'
        '"name":"coreos.com/ace-validator-sidekick","labels":[{"name":"version",'
        '"value":"0.8.11"},{"name":"os","value":"linux"},{"name":"arch","value":"amd64"}],'
        '"app":{"exec":["/ace-validator","sidekick"],"user":"0","group":"0",'
        '"mountPoints":[{"name":"database","path":"/db"}]}}'
    )
