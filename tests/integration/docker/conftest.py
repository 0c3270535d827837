"""What these tests share: images made once per machine, registries in the test's own network, and
one data directory, so that each image is pulled once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.docker.pulling import FORMS, HOST, Puller
from tests.support import debian_images, form_images
from tests.support.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def _debian() -> Path:
    return debian_images.storage()


@pytest.fixture(scope="session")
def _forms() -> Path:
    return form_images.storage()


@pytest.fixture
def debian(_debian: Path, tmp_path: Path, _own_namespaces: None) -> Iterator[Registry]:
    """A registry on the test's own loopback, with servers as Debian installs them."""
    with Registry(tmp_path, host=HOST, data=_debian, readonly=True) as running:
        yield running


@pytest.fixture
def forms(_forms: Path, tmp_path: Path, _own_namespaces: None) -> Iterator[Registry]:
    """A registry with one image in all its forms."""
    directory = tmp_path / "forms"
    directory.mkdir()
    with Registry(directory, host=FORMS, data=_forms, readonly=True) as running:
        yield running


@pytest.fixture(scope="session")
def _filled(tmp_path_factory: pytest.TempPathFactory) -> Puller:
    return Puller(tmp_path_factory.mktemp("docker") / "data")


@pytest.fixture
def rkt(_filled: Puller, _own_namespaces: None) -> Iterator[Puller]:
    """``rktpy`` on a data directory that these tests share; collects what is left."""
    yield _filled
    done = _filled.collect()
    assert done.status == 0, done
    assert _filled.pods() == []
