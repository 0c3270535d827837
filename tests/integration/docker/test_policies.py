"""rkt's TestFetchAny with images of a registry: what ``--debug`` says of where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.docker.pulling import FORM, Puller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("forms")]

IMAGE = f"{FORM}:docker"
REMOTE = f'image: remote fetching from URL "{IMAGE}"\n'
STORED = f"image: using image from local store for url {IMAGE}\n"
NOWHERE = (
    f'unable to fetch docker image from URL "{IMAGE}": either image was not found in the store'
)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Puller]:
    rkt = Puller(tmp_path / "data")
    yield rkt
    assert rkt.collect().status == 0


@pytest.mark.parametrize(
    "command", [("fetch",), ("prepare",), ("run", "--net=none")], ids=lambda words: words[0]
)
def test_the_policy_decides_where_an_image_comes_from(
    fresh: Puller, command: tuple[str, ...]
) -> None:
    def said(policy: str) -> tuple[int, bool, bool, str]:
        done = fresh("--debug", *command, f"--pull-policy={policy}", IMAGE)
        return done.status, REMOTE in done.err, STORED in done.err, done.err

    *never, words = said("never")
    assert (never, NOWHERE in words) == ([254, False, False], True)
    assert said("new")[:3] == (0, True, False)
    assert said("new")[:3] == (0, False, True)
    assert said("never")[:3] == (0, False, True)
    assert said("update")[:3] == (0, True, False)


def test_a_damaged_layer_is_brought_again_by_whoever_may_ask(fresh: Puller) -> None:
    fresh.ok("fetch", IMAGE)
    (mark, *_) = sorted((fresh.data / "cas/layer").glob("*/rendered"))
    mark.unlink()

    refused = fresh("--debug", "run", "--net=none", "--pull-policy=never", IMAGE)
    mended = fresh("--debug", "run", "--net=none", IMAGE)

    assert (refused.status, REMOTE in refused.err) == (254, False), refused.err
    assert (mended.status, REMOTE in mended.err) == (0, True), mended.err
    assert mark.exists()
