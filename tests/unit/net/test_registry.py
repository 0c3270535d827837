"""Which plugin a type means."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rktpy.net.external import External
from rktpy.net.registry import POD, PluginMissingError, Registry

if TYPE_CHECKING:
    from pathlib import Path


def program(local: Path, name: str) -> str:
    (local / "net.d").mkdir(exist_ok=True)
    path = local / "net.d" / name
    path.write_text("#!/bin/sh\n")
    return str(path)


@pytest.mark.parametrize("kind", ["nowhere", "", "..", "a/b", "host-local/../x"])
def test_a_type_that_nothing_has(tmp_path: Path, kind: str) -> None:
    registry = Registry(str(tmp_path), {}, "/")

    for find in (registry.find, registry.find_ipam, registry.path):
        with pytest.raises(PluginMissingError, match="Could not find plugin ") as caught:
            find(kind)
        assert f"{tmp_path}/net.d" in str(caught.value.hint)


def test_a_plugin_that_is_built_in_has_the_path_it_had_in_rkt(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path), {}, "/")

    assert registry.path("flannel") == f"{POD}/flannel"
    assert not isinstance(registry.find("flannel"), External)


@pytest.mark.parametrize("kind", ["flannel", "ptp", "other"])
def test_a_program_of_the_administrator_comes_first(tmp_path: Path, kind: str) -> None:
    path = program(tmp_path, kind)

    registry = Registry(f"{tmp_path}/", {}, "/")

    assert registry.path(kind) == path
    found = registry.find(kind)
    assert isinstance(found, External)
    assert found.path == path


def test_a_program_that_gives_addresses_comes_first(tmp_path: Path) -> None:
    path = program(tmp_path, "host-local")

    found = Registry(str(tmp_path), {}, "/").find_ipam("host-local")

    assert isinstance(found, External)
    assert found.path == path


def test_a_directory_is_no_program_and_a_link_to_one_is(tmp_path: Path) -> None:
    os.makedirs(tmp_path / "net.d/one")
    os.symlink(program(tmp_path, "target"), tmp_path / "net.d/two")

    registry = Registry(str(tmp_path), {}, "/")

    assert registry.path("two") == f"{tmp_path}/net.d/two"
    with pytest.raises(PluginMissingError):
        registry.path("one")
