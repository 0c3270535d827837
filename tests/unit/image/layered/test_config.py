"""Configurations of images become manifests as docker2aci writes them (images.md 4.8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rktpy.appc.image import ImageManifest
from rktpy.image.layered.config import Identity, convert, parse_config
from rktpy.image.layered.documents import LayeredImageError

SHA = "sha256:" + "0" * 64
IDENTITY = Identity("r.example.com:5000/a/b", "1.2", "r.example.com:5000/a/b:1.2", "a/b",
                    "r.example.com:5000", SHA, SHA)  # fmt: skip


def _converted(config: dict[str, Any] | None = None, **rest: object) -> ImageManifest:
    fields = {
        "os": "linux",
        "architecture": "arm64",
        "variant": "v8",
        "rootfs": {"type": "layers", "diff_ids": [SHA]},
        "config": config,
    }
    made = convert(parse_config(json.dumps(fields | rest).encode()), IDENTITY)
    # What we write we must be able to read.
    assert ImageManifest.from_object(made.to_object()).to_object() == made.to_object()
    return made


def _app(**config: object) -> dict[str, Any]:
    return _converted(config).to_object()["app"]  # type: ignore[return-value]


def test_name_labels_and_origin_are_kept() -> None:
    made = _converted()

    assert made.name == "r.example.com_5000/a/b"
    assert [(label.name, label.value) for label in made.labels] == [
        ("version", "1.2"),
        ("os", "linux"),
        ("arch", "aarch64"),
    ]
    for name, value in (
        ("originalname", "r.example.com:5000/a/b:1.2"),
        ("registryurl", "r.example.com:5000"),
        ("repository", "a/b"),
        ("imageid", SHA),
        ("manifesthash", SHA),
    ):
        assert made.annotation(f"appc.io/docker/{name}") == value


def test_entry_point_and_command_run_one_after_the_other_and_are_kept_apart() -> None:
    made = _converted({"Entrypoint": ["/e", "x"], "Cmd": ["c"]})

    assert made.app is not None
    assert made.app.exec == ("/e", "x", "c")
    assert made.annotation("appc.io/docker/entrypoint") == '["/e","x"]'
    assert made.annotation("appc.io/docker/cmd") == '["c"]'


@pytest.mark.parametrize(
    ("user", "expected"),
    [("", ("0", "0")), ("redis", ("redis", "redis")), ("1:2", ("1", "2")), ("a:", ("a", "a"))],
)
def test_a_user_without_a_group_is_in_both_places(user: str, expected: tuple[str, str]) -> None:
    app = _app(User=user)

    assert (app["user"], app["group"]) == expected


def test_of_a_variable_the_last_value_counts_and_odd_ones_are_left_out() -> None:
    app = _app(Env=["A=1", "B=x=y", "A=2", "none", "1bad=x"])

    assert app["environment"] == [{"name": "A", "value": "2"}, {"name": "B", "value": "x=y"}]


def test_ports_are_named_after_what_was_written() -> None:
    app = _app(ExposedPorts={"8080/tcp": {}, "53/udp": {}, "80": {}, "9000-9002/tcp": {}})

    found = [(port["name"], port["protocol"], port["port"], port["count"]) for port in app["ports"]]
    assert found == [
        ("53-udp", "udp", 53, 1),
        ("80", "tcp", 80, 1),
        ("8080-tcp", "tcp", 8080, 1),
        ("9000-9002-tcp", "tcp", 9000, 3),
    ]


def test_volumes_become_mount_points_with_names_of_their_own() -> None:
    app = _app(Volumes={"/var/lib/db": {}, "/Data_1": {}, "/data-1": {}, "/": {}})

    found = [(point["name"], point["path"]) for point in app["mountPoints"]]
    assert found == [
        ("volume-data-1", "/Data_1"),
        ("volume-data-1-1", "/data-1"),
        ("volume-var-lib-db", "/var/lib/db"),
    ]


def test_a_relative_working_directory_begins_at_the_root() -> None:
    assert _app(WorkingDir="srv/../app/")["workingDirectory"] == "/app"


def test_stop_signal_health_check_and_labels_are_kept() -> None:
    made = _converted(
        {"StopSignal": "SIGINT", "Healthcheck": {"Test": ["NONE"]}, "Labels": {"a.B": "c"}}
    )

    assert made.annotation("rktpy/docker/stop-signal") == "SIGINT"
    assert made.annotation("rktpy/docker/health-check") == '{"Test":["NONE"]}'
    assert made.app is not None
    assert made.app.user_labels == {"a.B": "c"}


def test_dates_are_kept_if_they_are_some() -> None:
    assert _converted(created="2024-01-02T03:04:05.6Z").annotation("created") is not None
    assert _converted(created="yesterday").annotation("created") is None


@pytest.mark.parametrize(
    "fields",
    [
        {"architecture": "pdp11"},
        {"rootfs": None},
        {"rootfs": {"type": "layers", "diff_ids": [1]}},
        {"config": []},
        {"config": {"Cmd": "x"}},
        {"config": {"User": 7}},
        {"config": {"ExposedPorts": {"http": {}}}},
        {"config": {"ExposedPorts": {"70000": {}}}},
    ],
)
def test_odd_configurations_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(LayeredImageError):
        _converted(**fields)
