"""Command lines of run, prepare and run-prepared -> requests, and rkt's refusals in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rktpy.appc.pod import ExposedPort, Mount, Volume
from rktpy.cli import walk
from rktpy.cli.apps import read_images
from rktpy.cli.call import Call
from rktpy.cli.commands.podflags import prepare_request, run_prepared_request, run_request
from rktpy.errors import RktError
from rktpy.net.netlist import parse_netlist
from rktpy.pod.app.environment import Sources
from rktpy.pod.app.overrides import AppSpec
from rktpy.pod.before.compose import PodOptions
from rktpy.pod.before.dns import parse_dns
from rktpy.verbs.site import Site
from rktpy.verbs.start.requests import (
    PodSource,
    PrepareRequest,
    RunPreparedRequest,
    RunRequest,
    Stage1Choice,
    StartOptions,
)

if TYPE_CHECKING:
    from pathlib import Path


def call(*words: str) -> Call:
    """The call a command line makes, as the front desk builds it."""
    command, rest = walk.find(words, {})
    reading = walk.read(command, rest, {})
    apps = [] if command.leaf == "run-prepared" else read_images(reading)
    args = reading.args if command.leaf == "run-prepared" else []
    return Call(
        site=Site(),
        command=command,
        options=reading.options(),
        given=frozenset(reading.given),
        args=args,
        apps=apps,
    )


def test_an_image_alone_is_a_request_of_defaults() -> None:
    assert run_request(call("run", "img")) == RunRequest(PodSource(apps=(AppSpec("img"),)))


def test_everything_said_reaches_the_request(tmp_path: Path) -> None:
    variables = tmp_path / "env"
    variables.write_text("F=file\n")
    found = run_request(
        call(
            "run",
            "--net=ptp0:IP=1.2.3.4,other",
            "--dns=8.8.8.8",
            "--dns-search=a.b",
            "--hosts-entry=10.0.0.1=h",
            "--hostname=custom_hostname_setting",
            "--ipc=parent",
            "--uuid-file-save=/tmp/u",
            "--no-overlay",
            "--volume=v,kind=host,source=/srv",
            "--mount=volume=v,target=/all",
            "--port=http:127.0.0.1:80",
            "--set-env=S=set",
            f"--set-env-file={variables}",
            "--pull-policy=update",
            "--stage1-name=example.com/stage1",
            "one",
            "--memory=16M",
            "--mount=volume=v,target=/own",
            "--",
            "--arg",
            "---",
            "two",
            "--exec=/bin/x",
        )
    )

    memory = found.source.apps[0].isolators
    assert found == RunRequest(
        source=PodSource(
            apps=(
                AppSpec("one", ("--arg",), mounts=(Mount("v", "/own"),), isolators=memory),
                AppSpec("two", exec="/bin/x"),
            ),
            options=PodOptions(
                volumes=(Volume.host("v", "/srv"),),
                mounts=(Mount("v", "/all"),),
                ports=(ExposedPort("http", 80, "127.0.0.1"),),
                environment=Sources(inherited={}, files={"F": "file"}, pairs={"S": "set"}),
            ),
            policy="update",
            stage1=Stage1Choice("name", "example.com/stage1"),
            overlay=False,
        ),
        start=StartOptions(
            net=parse_netlist(["ptp0:IP=1.2.3.4", "other"]),
            dns=parse_dns(["8.8.8.8"], search=["a.b"], hosts_entries=["10.0.0.1=h"]),
            hostname="custom_hostname_setting",
            ipc="parent",
        ),
        uuid_file="/tmp/u",
    )
    assert [one.name for one in memory] == ["resource/memory"]


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        ([], "new"),
        (["--pull-policy=never"], "never"),
        (["--pull-policy=nonsense"], "new"),
        (["--store-only"], "never"),
        (["--no-store"], "update"),
    ],
)
def test_the_pull_policy_is_one_of_three(words: list[str], policy: str) -> None:
    assert run_request(call("run", *words, "img")).source.policy == policy


def test_the_callers_environment_is_taken_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HOST", "yes")

    asked = run_request(call("run", "--inherit-env", "img")).source.options.environment
    not_asked = run_request(call("run", "img")).source.options.environment

    assert asked.inherited["FROM_HOST"] == "yes"
    assert not not_asked


CONFLICTS = [
    ["--inherit-env"],
    ["--no-store"],
    ["--store-only"],
    ["--port=foo:80"],
    ["--set-env=foo=bar"],
    ["--volume=foo,kind=host,source=/tmp"],
    ["--mount=volume=foo,target=/tmp", "--volume=foo,kind=host,source=/tmp"],
]


@pytest.mark.parametrize("verb", ["run", "prepare"])
@pytest.mark.parametrize("words", CONFLICTS)
def test_a_pod_manifest_stands_alone(verb: str, words: list[str]) -> None:
    given = call(verb, "--pod-manifest=/dev/null", *words)

    with pytest.raises(RktError) as caught:
        (run_request if verb == "run" else prepare_request)(given)
    assert caught.value.message == "conflicting flags set with --pod-manifest (see --help)"


@pytest.mark.parametrize("option", ["--exec=/bin/sh", "--user=user_foo", "--group=group_foo"])
def test_a_pod_manifest_takes_no_image_and_so_no_options_of_one(option: str) -> None:
    with pytest.raises(RktError, match="conflicting flags set with --pod-manifest"):
        run_request(call("run", "dummy-image.aci", "--pod-manifest=/dev/null", option))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["--store-only", "--no-store", "--net=none", "--port=x:1", "img"],
            "both --store-only and --no-store specified",
        ),
        (
            ["--net=none", "--port=x:1", "--mds-register", "img"],
            "--port flag does not work with 'none' networking",
        ),
        (
            ["--net=host", "--port=x:1", "img"],
            "--port flag does not work with 'host' networking",
        ),
        (
            ["--net=none", "--mds-register", "--pod-manifest=x", "img"],
            "--mds-register flag does not work with --net=none."
            " Please use 'host', 'default' or an equivalent network",
        ),
        (
            ["--pod-manifest=x", "--interactive", "a", "b"],
            "conflicting flags set with --pod-manifest (see --help)",
        ),
        (["--interactive", "a", "b"], "interactive option only supports one image"),
        ([], "must provide at least one image or specify the pod manifest"),
        (["--ipc=super", "img"], "unknown value for --ipc parameter: super"),
        (["--hostname=a b", "img"], 'invalid hostname "a b"'),
        (["--hostname=" + "a" * 65, "img"], f'invalid hostname "{"a" * 65}"'),
        (["--dns=x", "img"], "error with dns flags"),
        (["img", "--memory=1"], "error parsing app image arguments"),
    ],
)
def test_the_first_of_rkts_checks_that_fails_speaks(words: list[str], text: str) -> None:
    with pytest.raises(RktError) as caught:
        run_request(call("run", *words))

    assert caught.value.message == text


def test_a_wrong_limit_is_explained_by_the_cause() -> None:
    with pytest.raises(RktError) as caught:
        run_request(call("run", "img", "--memory=16m"))

    assert str(caught.value.__cause__) == (
        'invalid argument "16m" for --memory: memory limit of 1 bytes too low.'
        " Try a reasonable value, such as --memory=16M"
    )


def test_prepare_knows_what_a_pod_is_made_of_and_nothing_else() -> None:
    found = prepare_request(call("prepare", "--quiet", "img"))

    assert found == PrepareRequest(PodSource(apps=(AppSpec("img"),)))


def test_prepare_needs_something_too() -> None:
    with pytest.raises(RktError, match="must provide at least one image"):
        prepare_request(call("prepare"))


def test_a_prepared_pod_is_started_with_the_options_of_a_start() -> None:
    found = run_prepared_request(call("run-prepared", "--net=none", "--interactive", "0f"))

    assert found == RunPreparedRequest(
        "0f", StartOptions(net=parse_netlist(["none"]), interactive=True)
    )
