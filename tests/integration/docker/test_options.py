"""``run`` with images of a registry: what each option about an image makes of docker's words, and
when the registry is asked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.docker.pulling import FORM, FORMS, Puller

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.registry import Registry

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("forms")]

IMAGE = f"{FORM}:docker"  # ENTRYPOINT ["/bin/echo", "entry"], CMD ["command"], USER user1:group1
ID = ("--exec=/bin/id", "--")


def test_arguments_come_behind_entry_point_and_command(rkt: Puller) -> None:
    assert rkt.run(IMAGE).lines() == ["entry command"]
    assert rkt.run(IMAGE, "--", "more", "-x").lines() == ["entry command more -x"]


def test_exec_takes_the_place_of_both(rkt: Puller) -> None:
    assert rkt.run(IMAGE, "--exec=/bin/pwd").lines() == ["/srv"]
    assert rkt.run(IMAGE, "--exec=/bin/echo", "--", "own").lines() == ["own"]


@pytest.mark.parametrize(
    ("options", "uid", "gid"),
    [
        ((), "1000", "100"),
        (("--user=0",), "0", "100"),
        (("--user=root", "--group=root"), "0", "0"),
        (("--group=group1", "--user=7"), "7", "100"),
        (("--user=/etc/passwd",), "0", "100"),
    ],
)
def test_the_user_of_the_image_can_be_overridden(
    rkt: Puller, options: tuple[str, ...], uid: str, gid: str
) -> None:
    found = (
        rkt.run(IMAGE, *options, *ID, "-u").lines() + rkt.run(IMAGE, *options, *ID, "-g").lines()
    )
    assert found == [uid, gid]


def test_variables_of_the_image_can_be_overridden(rkt: Puller) -> None:
    def environment(*options: str) -> set[str]:
        return set(rkt.run(*options).lines())

    assert {"KIND=form", "EMPTY=", "PATH=/bin"} <= environment(IMAGE, "--exec=/bin/env")
    theirs = environment(IMAGE, "--exec=/bin/env", "--environment=KIND=mine")
    assert {"KIND=mine", "EMPTY="} <= theirs
    assert "KIND=pod" in environment("--set-env=KIND=pod", IMAGE, "--exec=/bin/env")


def test_the_working_directory_can_be_overridden(rkt: Puller) -> None:
    assert rkt.run(IMAGE, "--exec=/bin/pwd").lines() == ["/srv"]
    assert rkt.run(IMAGE, "--exec=/bin/pwd", "--working-dir=/d").lines() == ["/d"]


def test_a_volume_is_an_empty_one_that_begins_with_what_the_image_has(rkt: Puller) -> None:
    script = "cat data/seed && stat -c %u:%g data && echo new > data/new && ls data"
    done = rkt.shell(IMAGE, script)

    assert done.lines() == ["seed", "1000:100", "new", "seed"]
    assert 'implicitly creating an "empty" volume' in done.err
    assert rkt.shell(IMAGE, "ls data").lines() == ["seed"]  # another pod, another volume


def test_a_volume_of_the_host_takes_its_place(rkt: Puller, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data/own").touch()
    volume = f"--volume=volume-srv-data,kind=host,source={tmp_path}/data,readOnly=true"

    done = rkt.run(volume, IMAGE, "--exec=/bin/ls", "--", "/srv/data")
    assert (done.lines(), done.err) == (["own"], "")


def _pod(rkt: Puller, *words: str) -> dict[str, Any]:
    uuid = rkt.prepare(*words)
    found: dict[str, Any] = json.loads(rkt.ok("cat-manifest", uuid))
    return found


def test_exposed_ports_have_names_that_can_be_published(rkt: Puller) -> None:
    pod = _pod(rkt, "--port=8080-tcp:80", "--port=53-udp:5353", IMAGE)

    ports = {(port["name"], port["hostPort"]) for port in pod["ports"]}
    assert ports == {("8080-tcp", 80), ("53-udp", 5353)}
    done = rkt("prepare", "--port=9-tcp:9", IMAGE)
    assert done.status == 254
    assert "9-tcp" in done.err


def test_names_labels_and_limits_apply(rkt: Puller) -> None:
    options = ("--name=web", "--memory=64Mi", "--user-label=a=b", "--readonly-rootfs=true")
    (app,) = _pod(rkt, IMAGE, *options)["apps"]

    assert (app["name"], app["readOnlyRootFS"]) == ("web", True)
    assert [one["name"] for one in app["app"]["isolators"]] == ["resource/memory"]
    labels = app["app"]["userLabels"]
    assert (labels["a"], labels["org.example.purpose"]) == ("b", "test")
    assert rkt.shell(IMAGE, "touch /d/x || echo no", "--readonly-rootfs=true").lines()[-1] == "no"


def test_the_health_check_is_kept(rkt: Puller) -> None:
    rkt.ok("fetch", IMAGE)
    manifest = json.loads(rkt.ok("image", "cat-manifest", f"{FORMS.replace(':', '_')}/form:docker"))
    notes = {one["name"]: one["value"] for one in manifest["annotations"]}
    assert json.loads(notes["rktpy/docker/health-check"]) == {
        "Interval": 7_000_000_000,
        "Test": ["CMD", "/bin/true"],
    }


def test_an_image_that_is_there_is_run_without_a_question(tmp_path: Path, forms: Registry) -> None:
    rkt = Puller(tmp_path / "data")

    def asked(*options: str) -> int:
        before = forms.asked("/v2/")
        assert rkt.run(*options, IMAGE).lines() == ["entry command"]
        return forms.asked("/v2/") - before

    assert rkt("run", "--net=none", "--pull-policy=never", IMAGE).status == 254
    assert asked() > 2
    assert asked() == 0
    assert asked("--pull-policy=never") == 0
    assert asked("--pull-policy=update") > 0
    assert forms.asked("/blobs/") == len(_blobs(forms))
    rkt.collect()


def _blobs(registry: Registry) -> set[str]:
    """Return what layers and configurations have been asked for."""
    lines = registry.log.read_text(errors="replace").splitlines()
    return {
        word for line in lines for word in line.split() if word.startswith("http.request.uri=")
        and "/blobs/" in word
    }  # fmt: skip


def test_without_its_registry_a_stored_image_runs_on(tmp_path: Path, forms: Registry) -> None:
    rkt = Puller(tmp_path / "data")
    rkt.ok("fetch", IMAGE)
    forms.__exit__()

    assert rkt.run(IMAGE).lines() == ["entry command"]
    done = rkt.run("--pull-policy=update", IMAGE)
    assert done.status == 254
    assert FORMS in done.err
    rkt.collect()
