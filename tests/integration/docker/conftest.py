"""What these tests share: images made once per machine, a registry in the test's own network, and
one data directory, so that each image is pulled once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.docker.pulling import Puller
from tests.support import debian_images
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def debian() -> Path:
    """The storage of a registry with servers as Debian installs them."""
    return debian_images.storage()


@pytest.fixture
def registry(debian: Path, tmp_path: Path, _own_namespaces: None) -> Iterator[Registry]:
    """A registry with these images at port 5000 of the test's own loopback."""
    with Registry(tmp_path, data=debian, readonly=True) as running:
        yield running


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Puller:
    return Puller(tmp_path_factory.mktemp("docker") / "data")


@pytest.fixture
def rkt(_filled: Puller, registry: Registry) -> Iterator[Puller]:
    """``rktpy`` on a data directory that these tests share; collects what is left."""
    del registry  # it has to be there
    yield _filled
    done = _filled.collect()
    assert done.status == 0, done
    assert _filled.pods() == []
