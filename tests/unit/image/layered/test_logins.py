"""Where credentials for a registry come from, and whose win."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from rktpy.config.credentials import BasicAuth
from rktpy.image.layered.logins import find_login

if TYPE_CHECKING:
    from pathlib import Path

HUB = "registry-1.docker.io"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    auth = base64.b64encode(b"me:pass:word").decode()
    auths = {
        "r.example.com:5000": {"auth": auth},
        "https://index.docker.io/v1/": {"auth": auth},
        "broken.example.com": {"auth": "*"},
        "helper.example.com": {},
    }
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    return tmp_path / "config.json"


def test_what_docker_login_wrote_is_found(docker: Path) -> None:
    assert find_login("r.example.com:5000", {}) == BasicAuth("me", "pass:word")
    assert find_login(HUB, {}) == BasicAuth("me", "pass:word")
    assert docker.exists()


@pytest.mark.usefixtures("docker")
def test_other_hosts_and_ports_get_nothing() -> None:
    for name in ("r.example.com", "example.com:5000", "broken.example.com", "helper.example.com"):
        assert find_login(name, {}) is None


@pytest.mark.usefixtures("docker")
def test_rkts_configuration_wins_and_knows_the_hub_by_all_its_names() -> None:
    own = BasicAuth("rkt", "x")

    assert find_login("r.example.com:5000", {"r.example.com:5000": own}) == own
    for name in (HUB, "docker.io", "index.docker.io"):
        assert find_login(HUB, {name: own}) == own


@pytest.mark.parametrize("content", ["", "[]", '{"auths": []}', "{", '{"auths": {"a": 1}}'])
def test_a_file_that_is_no_configuration_is_no_error(docker: Path, content: str) -> None:
    docker.write_text(content)

    assert find_login("a", {}) is None
