"""The rows about the store that need no pod: list, manifests, export, rm (rkt-cli.md 12.6)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from rktpy.layout import Layout
from rktpy.store.images import ImageStore
from rktpy.store.importing import Terms
from tests.support.images import build_aci, host_arch, image_key
from tests.unit.cli.desk import Result, bare, here

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

NAME = "coreos.com/rkt-inspect"


class Store:
    """A data directory with images in it, and ``rkt`` working on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.layout = Layout(str(home / "data"))

    def add(self, name: str = NAME) -> str:
        return self.take(self.build(name))

    def build(self, name: str) -> Path:
        labels = {"version": "1.0.0", "os": "linux", "arch": host_arch()}
        return build_aci(self.home / "image.aci", name=name, labels=labels)

    def take(self, path: Path) -> str:
        fd = os.open(path, os.O_RDONLY)
        try:
            return ImageStore(self.layout).add_aci(fd, Terms(render=False))
        finally:
            os.close(fd)

    def rkt(self, *words: str) -> Result:
        return here(f"--dir={self.layout.data}", *words)

    def lines(self, *words: str) -> list[str]:
        result = self.rkt(*words)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout.splitlines()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_ids_have_12_digits_in_a_list_and_64_with_full(store: Store) -> None:
    key = store.add()

    assert store.lines("image", "list", "--fields=id", "--no-legend") == [key[:19]]
    assert store.lines("image", "list", "--fields=id", "--no-legend", "--full") == [key]
    assert "sha" not in store.lines("image", "list", "--fields=name", "--no-legend")[0]


def test_columns_come_as_asked_for(store: Store) -> None:
    key = store.add()

    (row,) = store.lines("image", "list", "--fields=id,name", "--no-legend")

    assert re.split(r"\t+", row) == [key[:19], f"{NAME}:1.0.0"]
    assert store.lines("image", "list", "--fields=name")[0] == "NAME"


def test_the_full_list_has_bytes_and_times_that_parse(store: Store) -> None:
    key = store.add()

    (row,) = store.lines("image", "list", "--no-legend", "--full")
    cells = re.split(r"\t+", row)

    assert cells[0] == key
    assert int(cells[2]) == os.stat(store.layout.blob(key)).st_size
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,3})? [+-]\d{4} \S+", cells[3])


def test_json_has_no_header_and_whole_ids(store: Store) -> None:
    key = store.add()

    (line,) = store.lines("image", "list", "--format=json")
    pretty = store.rkt("image", "list", "--format=json-pretty").stdout

    assert line.startswith("[{")
    assert "ID" not in line
    assert [image["id"] for image in json.loads(line)] == [key]
    assert '"id": "' in pretty


def test_an_empty_list_is_one_line_break_or_null(store: Store) -> None:
    assert store.rkt("image", "list", "--no-legend").stdout == "\n"
    assert store.rkt("image", "list", "--format=json").stdout == "null\n"


def test_a_manifest_is_found_by_name_and_hash_and_printed_as_stored(store: Store) -> None:
    key = store.add()
    stored = ImageStore(store.layout).manifest_bytes(key).decode()

    for text in (NAME, f"{NAME}:1.0.0", key, key[:9]):
        result = store.rkt("image", "cat-manifest", "--pretty-print=false", text)
        assert (result.returncode, result.stdout) == (0, f"{stored}\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sha512-not-existed", "cannot find aci satisfying name"),
        ("some~random~aci~name", "cannot find aci satisfying name"),
        ("sha512-1", "image ID too short"),
        ("sha512-12341234", "no image IDs found"),
    ],
)
@pytest.mark.parametrize(
    "command", [("cat-manifest",), ("export", "OUT"), ("extract", "OUT"), ("render", "OUT")]
)
def test_what_names_no_image_is_refused(
    store: Store, tmp_path: Path, command: tuple[str, ...], text: str, reason: str
) -> None:
    place = [str(tmp_path / "out.aci") for _ in command[1:]]

    result = store.rkt("image", command[0], text, *place)

    assert (result.returncode, result.stdout) == (254, "")
    assert result.stderr.startswith(f"{command[0]}: ")
    assert reason in result.stderr
    assert not (tmp_path / "out.aci").exists()


def test_two_digits_are_enough_unless_two_images_share_them(store: Store) -> None:
    numbers: dict[str, int] = {}
    for number in range(300):
        digits = image_key(store.build(f"example.com/n{number}"))[:9]
        if digits in numbers:
            break
        numbers[digits] = number
    one, other = (store.add(f"example.com/n{at}") for at in (numbers[digits], number))

    refused = store.rkt("image", "cat-manifest", digits)
    found = store.rkt("image", "cat-manifest", one[:19])

    assert one[:9] == other[:9]
    assert refused.returncode == 254
    assert f'ambiguous image ID: "{digits}"' in refused.stderr
    assert found.returncode == 0
    assert '"acKind": "ImageManifest"' in found.stdout


def test_what_is_exported_hashes_to_the_id(store: Store, tmp_path: Path) -> None:
    key = store.add()
    target = tmp_path / "out.aci"

    def export(*words: str) -> subprocess.CompletedProcess[str]:
        return bare(f"--dir={store.layout.data}", "image", "export", *words, str(target))

    assert export(NAME).returncode == 0
    assert hashlib.sha512(target.read_bytes()).hexdigest()[:64] == key.partition("-")[2]
    again = export(key)
    assert again.returncode == 254
    assert "output ACI file exists (try --overwrite)" in again.stderr
    assert export("--overwrite", key[:19]).returncode == 0


@pytest.mark.parametrize("by", ["name", "id", "name and id"])
def test_an_image_is_removed_once_however_it_is_named(store: Store, by: str) -> None:
    key = store.add()
    words = {"name": [NAME], "id": [key[:19]], "name and id": [NAME, key]}[by]

    result = store.rkt("image", "rm", *words)

    assert result.returncode == 0
    assert result.stdout == f'successfully removed aci for image: "{key}"\n'
    assert result.stderr.splitlines()[-1] == "rm: 1 image(s) successfully removed"
    assert store.lines("image", "list", "--no-legend") == [""]


def test_removing_what_is_not_there_is_told_and_succeeds(store: Store) -> None:
    result = store.rkt("image", "rm", "nosuch")

    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.startswith("rm: cannot find aci satisfying name")


def test_rm_and_verify_want_an_image(store: Store) -> None:
    for command in ("rm", "verify"):
        result = store.rkt("image", command)
        assert result.returncode == 254
        assert result.stderr == f"{command}: must provide at least one image ID\n"


def test_an_image_that_was_never_rendered_needs_no_verification(store: Store) -> None:
    store.add()

    assert store.lines("image", "verify", NAME) == [
        f'image "{NAME}" not rendered; no verification needed'
    ]
