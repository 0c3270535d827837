"""What tutorials and how-tos tell people to type works as it stands, and prints what they say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import documents_on_host
from tests.support.walkthrough import Step, check, steps, walk
from tests.unit.cli.desk import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

DOCS = Path(CHECKOUT) / "docs"
TUTORIAL = steps(DOCS / "tutorials/first-pod.md")
THE_IMAGE, THE_END = TUTORIAL[:3], TUTORIAL[-2:]
TYPED = [
    "choose-the-user",
    "events",
    "find-pods-by-name",
    "limit-an-app",
    "networks",
    "share-files",
    "sign-images",
    "use-container-images",
]
# Their commands need images of the reader, or a checkout.
READ = ["look-inside", "test-hosts"]


def do(todo: Sequence[Step], where: Path) -> None:
    check(walk(todo, where, str(Path(sys.executable).parent)), todo)


def test_the_tutorial_leads_from_nothing_to_a_pod_of_two_apps(tmp_path: Path) -> None:
    do(TUTORIAL, tmp_path)

    assert not (tmp_path / "first-pod").exists()


@pytest.mark.parametrize("name", TYPED)
def test_a_how_to_works_with_the_image_of_the_tutorial(tmp_path: Path, name: str) -> None:
    do([*THE_IMAGE, *steps(DOCS / f"how-to/{name}.md"), *THE_END], tmp_path)


def test_every_tutorial_is_tested() -> None:
    assert [path.name for path in (DOCS / "tutorials").glob("*.md")] == ["first-pod.md"]


def test_every_how_to_with_commands_is_typed_or_known_not_to_be() -> None:
    found = [path.stem for path in sorted((DOCS / "how-to").glob("*.md")) if steps(path)]

    assert found == sorted([*TYPED, *documents_on_host.TYPED, *READ])
