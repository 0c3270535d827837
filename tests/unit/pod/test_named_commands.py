"""Names and labels of pods as the commands show and take them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rktpy.appc.pod import PodManifest
from rktpy.layout import Layout
from rktpy.pod.before.compose import ComposeError, christen
from rktpy.pod.lifecycle import Pod
from rktpy.pod.naming import NAME_ANNOTATION, PodNameError, claim
from rktpy.pod.phase import Phase
from tests.support.pods import a_manifest, a_pod
from tests.unit.cli.desk import here
from tests.unit.pod.test_commands import HEADER, cells

UUID = "0f746094-3438-42bc-ab37-3cf85f132e60"
OTHER = "1f746094-3438-42bc-ab37-3cf85f132e60"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A pod ``web`` of two apps with labels, and one that has neither name nor labels."""
    layout = Layout(f"{tmp_path}/data")
    pod = Pod(layout, Phase.RUN, a_pod(layout, uuid=UUID, apps=("a", "b")))
    claim(pod, "web")
    plain = PodManifest.from_object(a_manifest("a", "b"))
    named = christen(plain, "web", [("tier", "front"), ("env", "test")])
    Path(pod.tree.manifest).write_text(json.dumps(named.to_object()))
    a_pod(layout, uuid=OTHER)
    return layout


def ok(layout: Layout, *words: str) -> str:
    done = here(f"--dir={layout.data}", *words)
    assert done.returncode == 0, done
    return done.stdout


def test_the_default_tables_stay_what_they_were(layout: Layout) -> None:
    short, full = (cells(ok(layout, "list", *option)) for option in ((), ("--full",)))

    assert short[0] == HEADER
    assert full[0] == [*HEADER[:3], "IMAGE ID", *HEADER[3:]]


def test_fields_choose_columns_and_names_are_shown_once_per_pod(layout: Layout) -> None:
    rows = cells(ok(layout, "list", "--fields=name,uuid,app,state,labels"))

    assert rows == [
        ["NAME", "UUID", "APP", "STATE", "LABELS"],
        ["web", UUID[:8], "a", "exited", "env=test,tier=front"],
        ["", "b", ""],
        ["-", OTHER[:8], "redis", "exited", ""],
    ]


@pytest.mark.parametrize("fields", ["", "name,nothing", "name,name"])
def test_other_fields_are_refused(layout: Layout, fields: str) -> None:
    done = here(f"--dir={layout.data}", "list", f"--fields={fields},")

    assert done.returncode == 254
    assert "option" in done.stderr


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (("tier=front",), [UUID]),
        (("tier",), [UUID]),
        (("tier=front", "env=test"), [UUID]),
        (("tier=back",), []),
        (("tier", "none"), []),
    ],
)
def test_labels_filter_tables_and_json(
    layout: Layout, labels: tuple[str, ...], found: list[str]
) -> None:
    options = [f"--label={label}" for label in labels]

    lines = ok(layout, "list", "--no-legend", "--full", "--fields=uuid", *options).split()
    document = json.loads(ok(layout, "list", "--format=json", *options))

    assert lines == found
    assert [pod["name"] for pod in document or []] == found


def test_json_has_the_name_and_the_labels(layout: Layout) -> None:
    named, plain = json.loads(ok(layout, "list", "--format=json"))

    assert (named["name"], named["pod_name"]) == (UUID, "web")
    assert named["user_labels"] == {"env": "test", "tier": "front"}
    assert "pod_name" not in plain


def test_commands_take_a_name_and_status_shows_it_last(layout: Layout) -> None:
    assert ok(layout, "status", "web").splitlines()[-1] == "name=web"
    assert "name=" not in ok(layout, "status", OTHER)
    assert '"web"' in ok(layout, "cat-manifest", "web")
    assert ok(layout, "stop", "web") == f'pod "{UUID}" is already stopped\n'


def test_names_are_offered_by_completion(layout: Layout) -> None:
    from rktpy.cli.shells import suggest

    offered = suggest([f"--dir={layout.data}", "status"], "w", "rktpy")

    assert [(item.value, item.help) for item in offered] == [("web", UUID)]


def test_a_manifest_that_brings_a_name_keeps_it_unless_another_is_given() -> None:
    plain = PodManifest.from_object(a_manifest("a"))
    named = christen(plain, "one", ())

    assert christen(plain, "", ()).annotation(NAME_ANNOTATION) is None
    assert christen(named, "", ()).annotation(NAME_ANNOTATION) == "one"
    assert christen(named, "two", ()).annotation(NAME_ANNOTATION) == "two"


def test_a_bad_name_in_a_manifest_and_a_label_without_key_are_refused() -> None:
    plain = PodManifest.from_object(a_manifest("a"))
    named = christen(plain, "one", ()).to_object()
    named["annotations"] = [{"name": NAME_ANNOTATION, "value": "../x"}]

    with pytest.raises(PodNameError):
        christen(PodManifest.from_object(named), "", ())
    with pytest.raises(ComposeError, match="needs a key"):
        christen(plain, "", [("", "x")])
