"""One image in every form that buildah and skopeo give it: whatever the form, the same tree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.docker.pulling import FORM, Puller
from tests.support import command
from tests.support.form_images import FOREIGN, TAGS
from tests.support.layouts import GO_ARCH
from tests.support.trees import facts, timeless

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("forms")]

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@pytest.fixture
def fresh(tmp_path: Path) -> Puller:
    """``rktpy`` on an empty data directory."""
    return Puller(tmp_path / "data")


def _raw(name: str, *options: str) -> dict[str, Any]:
    """Return a manifest, or a configuration, as the registry has it."""
    words = ["skopeo", "inspect", "--raw", "--tls-verify=false", *options]
    found: dict[str, Any] = json.loads(command.run([*words, f"{FORM}:{name}"]))
    return found


def _tree(fresh: Puller, image: str, where: Path, *options: str) -> dict[str, Any]:
    """Fetch an image and return what is in its tree."""
    key = fresh.ok("fetch", "--full", *options, image).strip()
    fresh.ok("image", "render", "--rootfs-only", key, where)
    return facts(where)


def _annotation(fresh: Puller, image: str, name: str) -> str:
    key = fresh.ok("fetch", "--full", "--pull-policy=new", image).strip()
    manifest = json.loads(fresh.ok("image", "cat-manifest", key))
    return {one["name"]: str(one["value"]) for one in manifest["annotations"]}[name]


def test_the_registry_has_the_forms_that_these_tests_are_about() -> None:
    kinds = {tag: [layer["mediaType"] for layer in _raw(tag)["layers"]] for tag in TAGS}

    assert _raw("docker")["mediaType"] == DOCKER
    assert set(kinds["oci"]) == {f"{LAYER}+gzip"}
    assert set(kinds["zstd"]) == {f"{LAYER}+zstd"}
    assert set(kinds["plain"]) == {LAYER}
    assert len(kinds["oci"]) >= 4
    for tag in ("list", "index"):
        machines = [one["platform"]["architecture"] for one in _raw(tag)["manifests"]]
        assert machines == [GO_ARCH, FOREIGN]


def test_every_form_in_a_registry_gives_the_tree_that_umoci_unpacks(
    fresh: Puller, tmp_path: Path
) -> None:
    trees = {tag: _tree(fresh, f"{FORM}:{tag}", tmp_path / tag) for tag in (*TAGS, "list", "index")}
    layout = f"oci:{tmp_path}/layout:it"
    words = ["skopeo", "copy", "-q", "--src-tls-verify=false"]
    command.run([*words, f"{FORM}:oci", layout])
    command.run(["umoci", "unpack", "--image", f"{tmp_path}/layout:it", str(tmp_path / "bundle")])
    theirs = facts(tmp_path / "bundle/rootfs")

    ours = trees.pop("docker")
    for tag, tree in trees.items():
        assert tree == ours, tag
    assert ours.keys() == theirs.keys()
    for name, one in ours.items():
        assert timeless(one) == timeless(theirs[name]), name
    assert "d/e/one" not in ours
    assert sorted(name for name in ours if name.startswith("gone")) == ["gone", "gone/new"]


def test_every_copy_that_skopeo_makes_gives_the_same_tree(fresh: Puller, tmp_path: Path) -> None:
    words = ["skopeo", "copy", "-q", "--src-tls-verify=false"]
    between = f"dir:{tmp_path}/dir"
    command.run([*words, f"{FORM}:docker", between])
    copies = [
        f"oci:{tmp_path}/layout:it",
        f"oci-archive:{tmp_path}/oci.tar:it",
        f"docker-archive:{tmp_path}/docker.tar:example.com/form:1",
    ]
    ours = _tree(fresh, f"{FORM}:docker", tmp_path / "docker")

    for number, copy in enumerate(copies):
        command.run([*words, between, copy])
        assert _tree(fresh, copy, tmp_path / str(number)) == ours, copy


def test_an_image_keeps_the_digest_of_its_configuration(fresh: Puller, tmp_path: Path) -> None:
    archive = f"docker-archive:{tmp_path}/docker.tar:example.com/form:1"
    words = ["skopeo", "copy", "-q", "--src-tls-verify=false"]
    command.run([*words, f"{FORM}:docker", archive])
    known = {tag: _raw(tag)["config"]["digest"] for tag in ("docker", "oci")}

    for image, digest in (
        (f"{FORM}:docker", known["docker"]),
        (archive, known["docker"]),
        (f"{FORM}:oci", known["oci"]),
    ):
        assert _annotation(fresh, image, "appc.io/docker/imageid") == digest, image
    assert known["docker"] != known["oci"]


@pytest.mark.parametrize("tag", ["list", "index"])
def test_of_several_platforms_the_one_that_is_asked_for_is_taken(
    fresh: Puller, tmp_path: Path, tag: str
) -> None:
    image = f"{FORM}:{tag}"

    foreign = _tree(fresh, image, tmp_path / "foreign", f"--platform=linux/{FOREIGN}")
    assert set(foreign) == {"etc", "etc/passwd", "etc/group", "foreign"}
    ours = _tree(fresh, image, tmp_path / "ours", f"--platform=linux/{GO_ARCH}")
    assert "bin/busybox" in ours
    done = fresh("fetch", "--platform=linux/s390x", image)
    assert done.status == 254
    assert f"there are: linux/{GO_ARCH}, linux/{FOREIGN}" in done.err


@pytest.mark.parametrize("tag", [*TAGS, "list", "index"])
def test_every_form_runs(fresh: Puller, tag: str) -> None:
    done = fresh.run(f"{FORM}:{tag}")
    assert (done.status, done.lines()) == (0, ["entry command"])
    fresh.collect()
