"""``rkt fetch`` and ``rkt image …`` from the command line, as rkt's functional tests drive them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

import pytest

from rktpy.layout import Layout
from rktpy.store.images import ImageStore
from tests.integration.store.layered import add_stack, filled
from tests.support import archive
from tests.support.images import build_aci, image_id, image_key
from tests.unit.cli.desk import Result, bare, here

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.images import Content

pytestmark = pytest.mark.integration


class Rkt(NamedTuple):
    """The command line on a data directory of the test."""

    data: Path

    def __call__(self, *words: str) -> Result:
        return here(f"--dir={self.data}", "--insecure-options=image", *words)

    def trees(self) -> list[str]:
        return os.listdir(self.data / "cas/tree")


@pytest.fixture
def rkt(tmp_path: Path) -> Rkt:
    return Rkt(tmp_path / "data")


@pytest.fixture
def aci(tmp_path: Path) -> Path:
    files: dict[str, Content] = {
        "/inspect": archive.file(b"program", 0o4755),
        "/dir/file": b"x" * 3000,
    }
    return build_aci(
        tmp_path / "inspect.aci",
        name="example.com/inspect",
        files=files,
        labels={"version": "1.2.0"},
        compression="gzip",
    )


def test_fetch_prints_short_and_full_hashes(rkt: Rkt, aci: Path) -> None:
    key = image_key(aci)

    assert rkt("fetch", str(aci)) == (0, key[:39] + "\n", "")
    assert rkt("fetch", "--full", str(aci)) == (0, key + "\n", "")
    assert rkt("image", "fetch", "--full", key) == (0, key + "\n", "")
    assert len(rkt.trees()) == 1


@pytest.mark.parametrize("policy", ["--pull-policy=new", "--store-only", "--no-store"])
def test_a_file_is_read_whatever_the_policy(rkt: Rkt, aci: Path, policy: str) -> None:
    # In a process of its own: --debug lasts as long as the process.
    where = (f"--dir={rkt.data}", "--insecure-options=image", "--debug")
    result = bare(*where, "fetch", policy, str(aci))

    assert result.returncode == 0
    assert f"image: using image from file {aci}\n" in result.stderr


def test_fetch_stops_at_the_first_failure(rkt: Rkt, aci: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing.aci"

    result = rkt("fetch", str(aci), str(missing), str(aci))

    assert (result.returncode, result.stdout) == (254, image_key(aci)[:39] + "\n")
    assert result.stderr == (
        f"fetch: error opening ACI file: {missing}: no such file or directory\n"
    )


def test_fetch_wants_an_image_and_one_policy(rkt: Rkt, aci: Path) -> None:
    assert "must provide at least one image" in rkt("fetch").stderr
    both = rkt("fetch", "--store-only", "--no-store", str(aci))
    assert both.returncode == 254
    assert "both --store-only and --no-store specified" in both.stderr


def test_an_empty_store_lists_nothing(rkt: Rkt) -> None:
    assert rkt("image", "list") == (0, "ID\tNAME\tSIZE\tIMPORT TIME\tLAST USED\n", "")
    assert rkt("image", "list", "--no-legend") == (0, "\n", "")
    assert rkt("image", "list", "--format=json") == (0, "null\n", "")
    assert not rkt.data.exists()


def test_list_shows_short_and_full_forms(rkt: Rkt, aci: Path) -> None:
    key = image_key(aci)
    rkt("fetch", str(aci))

    assert rkt("image", "list", "--fields=id", "--no-legend").stdout == key[:19] + "\n"
    assert rkt("image", "list", "--fields=id", "--no-legend", "--full").stdout == key + "\n"
    assert rkt("image", "list", "--no-legend", "--fields=name").stdout == (
        "example.com/inspect:1.2.0\n"
    )
    assert "now" in rkt("image", "list").stdout
    assert rkt("image", "list", "--format=json").stdout.startswith(f'[{{"id":"{key}","name":"ex')
    assert f'"id": "{key}"' in rkt("image", "list", "--format=json-pretty").stdout


def test_the_size_counts_the_tree_until_it_is_collected(rkt: Rkt, aci: Path) -> None:
    rkt("fetch", str(aci))
    (tree,) = rkt.trees()
    blob = rkt.data / "cas/blob/sha512" / image_key(aci)[7:9] / image_key(aci)
    rendered = sum(
        os.lstat(os.path.join(directory, name)).st_size
        for directory, _, names in os.walk(rkt.data / "cas/tree" / tree)
        for name in [*names, "."]
    )
    sizes = ("image", "list", "--fields=size", "--full", "--no-legend")

    assert rkt(*sizes).stdout == f"{blob.stat().st_size + rendered}\n"

    collected = rkt("image", "gc")
    assert collected == (0, "", f'gc: removed treestore "{tree}"\n')
    assert rkt(*sizes).stdout == f"{blob.stat().st_size}\n"


def test_list_sorts_and_refuses_unknown_words(rkt: Rkt, tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        rkt("fetch", str(build_aci(tmp_path / f"{name}.aci", name=f"example.com/{name}")))
    names = ("image", "list", "--fields=name", "--no-legend", "--sort=name")

    assert rkt(*names).stdout.split() == ["example.com/a", "example.com/b", "example.com/c"]
    assert rkt(*names, "--order=desc").stdout.split()[0] == "example.com/c"
    for words in (("--fields=nope",), ("--sort=id",), ("--order=up",)):
        result = rkt("image", "list", *words)
        assert result.returncode == 254
        assert "invalid argument" in result.stderr


def test_cat_manifest_prints_it_indented_or_as_stored(rkt: Rkt, aci: Path) -> None:
    rkt("fetch", str(aci))

    compact = rkt("image", "cat-manifest", "--pretty-print=false", "example.com/inspect").stdout
    assert compact == (
        '{"acKind":"ImageManifest","acVersion":"0.8.11","name":"example.com/inspect",'
        '"labels":[{"name":"version","value":"1.2.0"}],'
        '"app":{"exec":["/bin/app"],"user":"0","group":"0"}}\n'
    )
    pretty = rkt("image", "cat-manifest", image_key(aci)[:19]).stdout
    assert pretty.startswith('{\n\t"acKind": "ImageManifest",\n')
    for unknown in ("sha512-not-existed", "some~random~aci~name"):
        assert rkt("image", "cat-manifest", unknown).returncode == 254


def test_export_writes_the_image_whose_hash_is_its_id(rkt: Rkt, aci: Path, tmp_path: Path) -> None:
    rkt("fetch", str(aci))
    out = tmp_path / "out.aci"

    assert rkt("image", "export", "example.com/inspect", str(out)) == (0, "", "")
    assert "sha512-" + hashlib.sha512(out.read_bytes()).hexdigest() == image_id(aci)
    again = rkt("image", "export", image_key(aci), str(out))
    assert (again.returncode, again.stderr) == (
        254,
        "export: output ACI file exists (try --overwrite)\n",
    )
    assert rkt("image", "export", "--overwrite", image_key(aci), str(out)).returncode == 0


@pytest.mark.parametrize("command", ["extract", "render"])
def test_extract_and_render_write_a_directory(
    rkt: Rkt, aci: Path, tmp_path: Path, command: str
) -> None:
    rkt("fetch", str(aci))
    out = tmp_path / "out"

    assert rkt("image", command, "example.com/inspect", str(out)).returncode == 0
    assert sorted(os.listdir(out)) == ["manifest", "rootfs"]
    assert (out / "rootfs/inspect").stat().st_mode & 0o7777 == 0o4755
    exists = rkt("image", command, "example.com/inspect", str(out))
    assert "output directory exists (try --overwrite)" in exists.stderr
    over = rkt("image", command, "--rootfs-only", "--overwrite", image_key(aci)[:19], str(out))
    assert over.returncode == 0
    assert sorted(os.listdir(out)) == ["dir", "inspect"]
    refused = rkt("image", command, "--overwrite", "example.com/inspect", "/")
    assert "this would delete your root filesystem. Refusing." in refused.stderr
    assert sorted(os.listdir(tmp_path)) == ["data", "inspect.aci", "out"]


def test_extract_leaves_dependencies_out_and_render_takes_them(
    rkt: Rkt, aci: Path, tmp_path: Path
) -> None:
    rkt("fetch", str(aci))
    top = build_aci(
        tmp_path / "top.aci",
        name="example.com/top",
        files={"/own": b""},
        dependencies=[{"imageName": "example.com/inspect"}],
    )
    rkt("fetch", str(top))

    for command in ("extract", "render"):
        rkt("image", command, "--rootfs-only", "example.com/top", str(tmp_path / command))

    assert os.listdir(tmp_path / "extract") == ["own"]
    assert sorted(os.listdir(tmp_path / "render")) == ["dir", "inspect", "own"]


def test_rm_counts_an_image_once_and_ignores_unknown_ones(rkt: Rkt, aci: Path) -> None:
    key = image_key(aci)
    rkt("fetch", str(aci))

    result = rkt("image", "rm", "example.com/inspect", key, "example.com/none")

    assert result.returncode == 0
    assert result.stdout == f'successfully removed aci for image: "{key}"\n'
    assert result.stderr.endswith("rm: 1 image(s) successfully removed\n")
    assert 'cannot find aci satisfying name: "example.com/none"' in result.stderr
    assert "must provide at least one image ID" in rkt("image", "rm").stderr
    assert len(rkt.trees()) == 1  # for gc


def test_verify_repairs_what_was_damaged(rkt: Rkt, aci: Path) -> None:
    key = image_key(aci)
    rkt("fetch", str(aci))
    good = f'successfully verified checksum for image: "{key[:19]}" ("{key}")\n'
    (tree,) = rkt.trees()

    assert rkt("image", "verify", key[:19]) == (0, good, "")
    os.unlink(rkt.data / "cas/tree" / tree / "rootfs/inspect")
    repaired = rkt("image", "verify", key[:19])
    assert repaired.returncode == 0
    assert repaired.stdout.startswith(f"tree cache verification failed for image {key[:19]}: wrong")
    assert repaired.stdout.endswith(";  rebuilding...\n" + good)
    assert rkt("image", "verify", key[:19]).stdout == good
    rkt("image", "gc")
    assert rkt("image", "verify", key[:19]).stdout == (
        f'image "{key[:19]}" not rendered; no verification needed\n'
    )


def test_gc_keeps_what_pods_need(rkt: Rkt, aci: Path, tmp_path: Path) -> None:
    rkt("fetch", str(aci))
    (tree,) = rkt.trees()
    pod = rkt.data / "pods/exited-garbage/0e1ff1b4-3a3d-4b3a-8d3a-000000000001"
    (pod / "appsinfo/app").mkdir(parents=True)
    (pod / "appsinfo/app/treeStoreID").write_text(tree)

    assert rkt("image", "gc", "--grace-period=0s").returncode == 0
    assert rkt.trees() == [tree]
    assert rkt("image", "list", "--no-legend").stdout == "\n"  # exited pods need no image


def test_two_digits_are_enough_and_may_be_ambiguous(rkt: Rkt, tmp_path: Path) -> None:
    keys: dict[str, str] = {}
    for number in range(400):
        path = build_aci(tmp_path / "try.aci", files={"/n": str(number)})
        key = image_key(path)
        twin = keys.setdefault(key[:9], key)
        if twin != key:
            break
    else:
        pytest.fail("no two images share two digits")
    for number in range(400):
        path = build_aci(tmp_path / "try.aci", files={"/n": str(number)})
        if image_key(path) in (key, twin):
            rkt("fetch", str(path))

    assert "ambiguous image ID" in rkt("image", "cat-manifest", key[:9]).stderr
    assert "image ID too short" in rkt("image", "cat-manifest", key[:8]).stderr
    assert rkt("image", "cat-manifest", key[:19]).returncode == 0
    assert "no image IDs found" in rkt("image", "cat-manifest", "sha512-12341234").stderr


def _as_nobody(rkt: Rkt, *words: str, groups: tuple[int, ...] = ()) -> tuple[int, str]:
    """Run a command as a member of ``groups``; return status and all it wrote."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        status = 99
        try:
            os.setgroups(groups)
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            result = rkt(*words)
            os.write(writing, (result.stdout + result.stderr).encode())
            status = result.returncode
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text


@pytest.fixture
def open_dir(tmp_path: Path) -> Path:
    """A directory nobody can reach and write."""
    path = tmp_path
    while str(path) != "/tmp":
        path.chmod(path.stat().st_mode | 0o055)
        path = path.parent
    tmp_path.chmod(0o777)
    return tmp_path


def test_without_root_images_are_fetched_but_not_rendered(
    rkt: Rkt, aci: Path, open_dir: Path
) -> None:
    assert _as_nobody(rkt, "fetch", str(aci)) == (0, image_key(aci)[:39] + "\n")
    assert rkt.trees() == []
    out = open_dir / "out"
    status, _ = _as_nobody(rkt, "image", "extract", "example.com/inspect", str(out))
    assert status == 0
    assert (out / "rootfs/inspect").stat().st_uid == 65534


def test_without_root_nothing_of_roots_is_changed(rkt: Rkt, aci: Path, open_dir: Path) -> None:
    rkt("fetch", str(aci))

    for words in (("image", "gc"), ("image", "rm", "example.com/inspect"), ("fetch", str(aci))):
        status, text = _as_nobody(rkt, *words)
        assert status in (0, 254)
        assert "ermission denied" in text or "cannot" in text
    assert len(rkt.trees()) == 1
    assert rkt("image", "verify", "example.com/inspect").returncode == 0


def test_members_of_the_group_fetch_list_and_remove_images_of_root(
    rkt: Rkt, aci: Path, open_dir: Path
) -> None:
    group = 4242
    rkt.data.mkdir()
    os.chown(rkt.data, 0, group)
    rkt.data.chmod(0o2750)
    rkt("fetch", str(aci))

    listed = _as_nobody(rkt, "image", "list", groups=(group,))
    collected = _as_nobody(rkt, "image", "gc", groups=(group,))
    removed = _as_nobody(rkt, "image", "rm", "example.com/inspect", groups=(group,))
    fetched = _as_nobody(rkt, "fetch", str(aci), groups=(group,))
    again = _as_nobody(rkt, "image", "rm", "example.com/inspect", groups=(group,))

    assert (listed[0], "example.com/inspect" in listed[1]) == (0, True)
    assert (collected[0], "ermission denied" in collected[1]) == (254, True)
    assert (removed[0], "successfully removed" in removed[1]) == (0, True), removed
    assert fetched == (0, image_key(aci)[:39] + "\n")
    assert (again[0], "successfully removed" in again[1]) == (0, True)


def test_members_of_the_group_list_and_remove_images_of_layers_but_cannot_read_them(
    rkt: Rkt, open_dir: Path
) -> None:
    group = 4242
    rkt.data.mkdir()
    os.chown(rkt.data, 0, group)
    rkt.data.chmod(0o2750)
    key = add_stack(ImageStore(Layout(str(rkt.data))), {"base": filled({"a": b"1"})})
    out = str(open_dir / "out")

    refused = [
        _as_nobody(rkt, "image", *words, groups=(group,))
        for words in (("export", key, out), ("extract", key, out), ("verify", key))
    ]
    listed = _as_nobody(rkt, "image", "list", groups=(group,))
    removed = _as_nobody(rkt, "image", "rm", key, groups=(group,))

    for status, text in refused:
        assert (status, "only root can read the layers of an image" in text) == (254, True)
    assert "example.com/stacked" in listed[1]
    assert removed[0] == 0
    assert rkt("image", "gc").returncode == 0
    assert os.listdir(rkt.data / "cas/layer") == []
