"""Directories and fences of one call (rkt-cli 1.1 and 1.2)."""

from __future__ import annotations

import os

import pytest

from rktpy.errors import RktError
from rktpy.layout import DEFAULT_DATA_DIR
from rktpy.verbs.site import ConfigurationError, DataDirError, Insecure, Site


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("none", ()),
        ("", ()),
        ("image", ("image",)),
        ("Image,TLS", ("image", "tls")),
        ("none,http", ("http",)),
        ("ondisk", ("ondisk",)),
        ("all-fetch", ("image", "tls", "http", "pubkey")),
        ("all-run", ("capabilities", "paths", "seccomp")),
        (
            "all",
            ("image", "tls", "ondisk", "http", "pubkey", "capabilities", "paths", "seccomp"),
        ),
    ],
)
def test_words_take_fences_down(text: str, words: tuple[str, ...]) -> None:
    insecure = Insecure.parse(text)

    assert insecure.words == words
    assert insecure.skips_any == bool(words)
    assert insecure.skips_all == (text == "all")


@pytest.mark.parametrize(
    ("text", "message"),
    [("image,image", 'duplicated option "image"'), ("x", 'unknown option "x"')],
)
def test_wrong_words_are_refused(text: str, message: str) -> None:
    with pytest.raises(RktError) as refused:
        Insecure.parse(text)

    assert refused.value.message == message


def test_no_fence_down_reads_none() -> None:
    assert str(Insecure()) == "none"
    assert str(Insecure(http=True, image=True)) == "image,http"


def site(root: object, data_dir: str = "") -> Site:
    return Site(data_dir=data_dir, system_config=f"{root}/system", local_config=f"{root}/local")


def write_paths(root: str, text: str) -> None:
    os.makedirs(f"{root}/paths.d")
    with open(f"{root}/paths.d/paths.json", "w", encoding="utf-8") as file:
        file.write(text)


def paths(data: str) -> str:
    return f'{{"rktKind":"paths","rktVersion":"v1","data":"{data}"}}'


def test_without_anything_the_data_directory_is_the_default(tmp_path: object) -> None:
    assert site(tmp_path).layout.data == os.path.realpath(DEFAULT_DATA_DIR)


def test_the_configuration_names_the_data_directory(tmp_path: object) -> None:
    write_paths(f"{tmp_path}/local", paths(f"{tmp_path}/data"))

    assert site(tmp_path).layout.data == f"{tmp_path}/data"


def test_the_option_wins_over_a_configuration_that_is_not_even_read(tmp_path: object) -> None:
    write_paths(f"{tmp_path}/local", "garbage")

    assert site(tmp_path, f"{tmp_path}/mine").layout.data == f"{tmp_path}/mine"


def test_a_broken_configuration_is_told(tmp_path: object) -> None:
    write_paths(f"{tmp_path}/local", "garbage")

    with pytest.raises(ConfigurationError, match="cannot get configuration"):
        _ = site(tmp_path).layout
    with pytest.raises(ConfigurationError, match="cannot get configuration"):
        site(tmp_path).config()


def test_links_are_resolved(tmp_path: object) -> None:
    os.mkdir(f"{tmp_path}/real")
    os.symlink("real", f"{tmp_path}/link")

    assert site(tmp_path, f"{tmp_path}/link").layout.data == f"{tmp_path}/real"


def test_links_in_a_circle_are_told(tmp_path: object) -> None:
    os.symlink("loop", f"{tmp_path}/loop")

    with pytest.raises(DataDirError, match="cannot evaluate dataDir"):
        _ = site(tmp_path, f"{tmp_path}/loop").layout


@pytest.mark.parametrize("where", ["", "cas"])
def test_a_data_dir_that_anybody_can_write_is_refused(
    tmp_path_factory: pytest.TempPathFactory, where: str
) -> None:
    root = tmp_path_factory.mktemp("data")
    (root / "cas").mkdir(mode=0o755)
    (root / where).chmod(0o777)

    with pytest.raises(DataDirError, match=f"anybody can write {root / where}$"):
        _ = site(root, str(root)).layout
