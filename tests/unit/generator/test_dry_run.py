"""``rktpy generate --dry-run`` on any host, by anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.desk import here

if TYPE_CHECKING:
    from pathlib import Path

WEB = "[Unit]\nAfter=db.pod\n[App]\nImage=example.com/web\n[Install]\nWantedBy=multi-user.target\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "db.pod").write_text("[App]\nImage=example.com/db\n")
    (tmp_path / "web.pod").write_text(WEB)
    return tmp_path


def test_units_and_links_of_a_file_are_printed(files: Path) -> None:
    result = here("generate", "--dry-run", f"{files}/web.pod")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("# web.service\n[Unit]\nDescription=Pod web\n")
    assert "After=db.service\n" in result.stdout
    assert result.stdout.endswith("\n\n# multi-user.target.wants/web.service -> ../web.service\n")
    assert "# db.service" not in result.stdout


def test_problems_have_file_and_line_and_a_status(files: Path) -> None:
    (files / "web.pod").write_text(WEB.replace("Image", "Imgae"))
    result = here("generate", "--dry-run", f"{files}/db.pod", f"{files}/web.pod")

    assert result.returncode == 254
    assert result.stderr.splitlines() == [
        f"{files}/web.pod:4: Imgae=: there is no such key",
        f"{files}/web.pod:3: [App] has no Image=",
        "generate: there are 2 problems",
    ]
    assert "# db.service\n" in result.stdout


@pytest.mark.parametrize("name", ["web.container", "no.pod"])
def test_a_file_that_is_none_is_refused(files: Path, name: str) -> None:
    result = here("generate", "--dry-run", f"{files}/{name}")

    assert (result.returncode, result.stdout) == (254, "")
    assert name in result.stderr


def test_without_the_option_nothing_is_written(files: Path) -> None:
    result = here("generate", f"{files}/web.pod")

    assert result.returncode == 254
    assert "--dry-run" in result.stderr


def test_alone_it_shows_its_help() -> None:
    result = here("generate")

    assert result.returncode == 0
    assert "generate --dry-run [FILE...]" in result.stdout
