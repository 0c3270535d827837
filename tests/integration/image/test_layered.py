"""Images of layers from files: layouts made by hand and by skopeo, and what umoci unpacks."""

from __future__ import annotations

import json
import os
import random
import stat
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.integration.run.rk import Rktpy
from tests.support import archive, command
from tests.support.closure import redis_aci
from tests.support.layouts import GO_ARCH, Layout, whiteout
from tests.support.trees import facts, timeless

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.archive import Entry

    Content = dict[str, bytes | str | Entry]

pytestmark = pytest.mark.integration


@pytest.fixture
def rkt(tmp_path: Path) -> Rktpy:
    return Rktpy(tmp_path / "data")


def _rootfs(rkt: Rktpy, reference: str) -> Path:
    return _render(rkt, rkt.ok("fetch", "--full", reference).strip())


def _render(rkt: Rktpy, key: str) -> Path:
    out = rkt.data.parent / f"rendered-{key[-20:]}"
    rkt.ok("image", "render", "--rootfs-only", key, out)
    return out


def _random_layers(seed: int) -> list[Content]:
    """Return layers that add, change, link and delete below a few names; parents are described."""
    dice = random.Random(seed)
    dirs = ["d", "d/e", "d/e/f", "g"]
    layers = []
    files: set[str] = set()
    for number in range(dice.randint(2, 5)):
        found: Content = {name: _directory(dice, number) for name in dirs}
        for _step in range(dice.randint(3, 12)):
            name = f"{dice.choice(dirs)}/{dice.choice('xyzw')}"
            kind = dice.randint(0, 5)
            if kind == 0 and name in files and name not in found:
                found[f"{os.path.dirname(name)}/.wh.{os.path.basename(name)}"] = whiteout()
                files.discard(name)
            elif kind == 1:
                found.setdefault(f"{dice.choice(dirs)}/.wh..wh..opq", whiteout())
            elif kind == 2 and name not in found:
                found[name] = archive.symlink("../target")
            elif kind == 3 and name not in found:
                mine = [path for path in found if _rank(path) == 2 and _is_file(found[path])]
                if mine:
                    found[name] = archive.hardlink(dice.choice(mine))
            elif name not in found:
                found[name] = _file(dice, number)
                files.add(name)
        layers.append({name: found[name] for name in sorted(found, key=_rank)})
    return layers


def _rank(name: str) -> int:
    """Return where in a layer a member stands: directories, whiteouts, the rest."""
    if "/.wh." in name:
        return 1
    return 2 if name[-1] in "xyzw" else 0


def _is_file(content: bytes | str | Entry) -> bool:
    return not isinstance(content, (bytes, str)) and content.type == tarfile.REGTYPE


def _directory(dice: random.Random, number: int) -> Entry:
    from dataclasses import replace

    made = archive.directory(dice.choice([0o755, 0o700, 0o1777, 0o2750]), uid=dice.randint(0, 9))
    return replace(made, mtime=archive.MTIME + number)


def _file(dice: random.Random, number: int) -> Entry:
    from dataclasses import replace

    made = archive.file(
        dice.randbytes(dice.choice([0, 10, 3000])), dice.choice([0o644, 0o4755, 0o2711]),
        uid=dice.choice([0, 7, 70_000]), gid=3,
    )  # fmt: skip
    pax = {"SCHILY.xattr.user.note": f"v{number}"} if dice.random() < 0.3 else {}
    return replace(made, mtime=archive.MTIME + dice.randint(0, 99), pax=pax)


@pytest.mark.parametrize("seed", range(30))
def test_the_tree_is_what_umoci_unpacks(
    rkt: Rktpy, layout: Layout, tmp_path: Path, seed: int
) -> None:
    layers = _random_layers(seed)
    layout.image(*layers, tag="t")
    command.run(["umoci", "unpack", "--image", f"{layout.path}:t", str(tmp_path / "bundle")])

    ours, theirs = facts(_rootfs(rkt, f"oci:{layout.path}:t")), facts(tmp_path / "bundle/rootfs")
    assert ours.keys() == theirs.keys()
    for name, one in ours.items():
        assert timeless(one) == timeless(theirs[name]), name
        # umoci leaves "now" with directories it changed later; each layer describes them all.
        expected = theirs[name][3]
        if stat.S_ISDIR(one[0]):
            expected = archive.MTIME + len(layers) - 1
        assert one[3] == expected, name


def test_every_form_of_one_image_gives_the_same_tree(
    rkt: Rktpy, layout: Layout, tmp_path: Path
) -> None:
    layout.image({"a": "1", "b": "1"}, {".wh.a": whiteout(), "c": b"x" * 70_000}, tag="t")
    oci, docker = tmp_path / "oci.tar", tmp_path / "docker.tar"
    source = f"oci:{layout.path}:t"
    command.run(["skopeo", "copy", "-q", source, f"oci-archive:{oci}:t"])
    command.run(["skopeo", "copy", "-q", source, f"docker-archive:{docker}:example.com/app:1"])
    layout.archive(tmp_path / "plain.tar")

    texts = (
        source,
        f"oci-archive:{oci}",
        f"docker-archive:{docker}",
        f"oci-archive:{tmp_path}/plain.tar:t",
        f"docker-archive:{docker}:example.com/app:1",
    )
    keys = {rkt.ok("fetch", "--full", text).strip() for text in texts}
    trees = [facts(_render(rkt, key)) for key in keys]
    assert len(trees) >= 4
    assert len(os.listdir(rkt.data / "cas/layer")) == 2
    assert all(tree == trees[0] for tree in trees)
    assert set(trees[0]) == {"b", "c"}
    assert "example.com/app:1" in rkt.ok("image", "list")


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_layers_may_be_compressed_in_several_ways(
    rkt: Rktpy, layout: Layout, tmp_path: Path, compression: str
) -> None:
    layout.image({"a": "1"}, {"b": b"x" * 70_000}, tag="t", compress=False)
    words = ["skopeo", "copy", "-q", "--dest-compress-format", compression, "--dest-compress"]
    command.run([*words, f"oci:{layout.path}:t", f"oci:{tmp_path}/other:t"])
    heads = {path.read_bytes()[:2] for path in (tmp_path / "other/blobs/sha256").iterdir()}

    assert {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5"}[compression] in heads
    assert set(facts(_rootfs(rkt, f"oci:{tmp_path}/other:t"))) == {"a", "b"}


def test_an_image_is_converted_once_and_always_the_same_way(
    rkt: Rktpy, layout: Layout, tmp_path: Path
) -> None:
    layout.image({"a": "1"}, {"b": "2"})
    reference = f"oci:{layout.path}"
    key = rkt.ok("fetch", "--full", reference).strip()

    done = rkt("--debug", "fetch", "--full", reference)
    assert (done.out.strip(), "has not changed" in done.err) == (key, True)
    rkt.ok("image", "rm", key)
    assert rkt.ok("fetch", "--full", reference).strip() == key
    rkt.ok("image", "verify", key)
    rkt.ok("image", "export", key, tmp_path / "out.aci")
    other = Rktpy(tmp_path / "other")
    copy = other.ok("fetch", "--full", tmp_path / "out.aci").strip()
    assert facts(_render(other, copy)).keys() == {"a", "b"}


def test_of_an_index_this_hosts_platform_is_taken(rkt: Rktpy, layout: Layout) -> None:
    entries = []
    for name in ("riscv64", GO_ARCH):
        platform = {"os": "linux", "architecture": name}
        entries.append({**layout.image({name: "1"}, listed=False), "platform": platform})
    layout.index(entries)

    assert set(facts(_rootfs(rkt, f"oci:{layout.path}:latest"))) == {GO_ARCH}


def test_another_platform_may_be_asked_for(rkt: Rktpy, layout: Layout) -> None:
    entries = []
    for name in ("arm64", "amd64"):
        platform = {"os": "linux", "architecture": name}
        made = layout.image({name: "1"}, listed=False, architecture=name)
        entries.append({**made, "platform": platform})
    layout.index(entries)
    text = f"oci:{layout.path}"

    keys = {
        name: rkt.ok("fetch", "--full", f"--platform=linux/{name}", text).strip()
        for name in ("arm64", "amd64")
    }
    manifest = rkt.ok("image", "cat-manifest", keys["arm64"])
    assert '"aarch64"' in manifest
    assert len(set(keys.values())) == 2
    done = rkt("fetch", "--platform=linux/mips", text)
    assert "there is no image for linux/mips (there are: linux/arm64, linux/amd64;" in done.err
    assert "is not a platform" in rkt("fetch", "--platform=arm64", text).err
    assert "not an image of layers" in rkt("fetch", "--platform=linux/arm64", "example.com/x").err


def test_which_image_is_meant_has_to_be_said(rkt: Rktpy, layout: Layout) -> None:
    layout.image({"a": "1"}, tag="one")
    layout.image({"a": "2"}, tag="two")

    done = rkt("fetch", f"oci:{layout.path}")
    assert done.status == 254
    assert "several images found" in done.err
    assert "there are: one, two" in done.err
    assert 'image "three" not found' in rkt("fetch", f"oci:{layout.path}:three").err


def test_redis_of_three_layers_runs(rkt: Rktpy, layout: Layout, tmp_path: Path) -> None:
    aci = redis_aci(tmp_path / "redis.aci")
    layers: list[Content] = [{}, {}, {}]
    with tarfile.open(aci) as image:
        for member in image:
            name = member.name.removeprefix("rootfs").lstrip("/")
            if not name or member.name == "manifest":
                continue
            file = image.extractfile(member) if member.isreg() else None
            entry = archive.Entry(
                "", file.read() if file else b"", member.mode, member.uid, member.gid,
                type=member.type, linkname=member.linkname,
            )  # fmt: skip
            number = 0 if "/lib" in f"/{name}" else 1 if name.startswith("usr") else 2
            layers[number][name] = entry
    config = {"Entrypoint": ["/usr/bin/redis-server"], "Cmd": ["--version"], "User": "redis"}
    layout.image(*layers, config=config)

    done = rkt.run(f"oci:{layout.path}")
    assert done.status == 0, done
    assert any("Redis server v=" in line for line in done.lines()), done
    rkt.collect()


def test_without_the_users_word_images_of_layers_are_refused(layout: Layout) -> None:
    layout.image({"a": "1"})
    from tests.unit.cli.desk import here

    done = here(f"--dir={layout.path}/data", "fetch", f"oci:{layout.path}")
    assert done.returncode == 254
    assert "signature verification for docker images is not supported" in done.stderr


def test_a_layer_of_another_size_than_said_is_found(rkt: Rktpy, layout: Layout) -> None:

    fields = json.loads(layout.file(layout.image({"a": "1"}, tag="1")).read_bytes())
    fields["layers"][0]["size"] += 1
    layout.add(layout.blob(json.dumps(fields).encode(), fields["mediaType"]), "wrong")

    done = rkt("fetch", f"oci:{layout.path}:wrong")
    assert done.status == 254
    assert "bytes instead of" in done.err


@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
def test_one_flipped_bit_is_found(rkt: Rktpy, layout: Layout, part: str) -> None:

    manifest = layout.image({"a": os.urandom(2000)})
    fields = json.loads(layout.file(manifest).read_bytes())
    blob = {"manifest": manifest, "config": fields["config"], "layer": fields["layers"][0]}[part]
    data = bytearray(layout.file(blob).read_bytes())
    data[len(data) // 2] ^= 1
    layout.file(blob).write_bytes(data)

    done = rkt("fetch", f"oci:{layout.path}")
    assert done.status == 254
    assert f"{blob['digest']} has the digest sha256:" in done.err
    assert rkt.ok("image", "list", "--no-legend").strip() == ""


def test_a_layer_that_unpacks_to_something_else_is_found(rkt: Rktpy, layout: Layout) -> None:

    first, second = layout.image({"a": "1"}, tag="1"), layout.image({"a": "2"}, tag="2")
    mixed = json.loads(layout.file(first).read_bytes())
    mixed["layers"] = json.loads(layout.file(second).read_bytes())["layers"]
    layout.add(layout.blob(json.dumps(mixed).encode(), mixed["mediaType"]), "mixed")

    done = rkt("fetch", f"oci:{layout.path}:mixed")
    assert done.status == 254
    assert "a layer unpacks to sha256:" in done.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"../../x": "1"}, 'path with ".."'),
        ({"d/.wh...": whiteout()}, "whiteout of nothing"),
        ({"l": archive.hardlink("../../../etc/passwd")}, 'path with ".."'),
        ({"w": archive.device("c", 0, 0)}, "device node not allowed"),
        ({"bomb": bytes(100 << 20)}, "decompression bomb"),
    ],
)
def test_a_hostile_layer_leaves_nothing(
    rkt: Rktpy, layout: Layout, content: Content, words: str
) -> None:
    layout.image({"a": "1"}, content)

    done = rkt("fetch", f"oci:{layout.path}")
    assert done.status == 254
    assert words in done.err
    assert rkt.ok("image", "list", "--no-legend").strip() == ""
    assert os.listdir(rkt.data / "cas/tmp") == []


def test_two_fetches_at_once_get_one_image(rkt: Rktpy, layout: Layout) -> None:
    layout.image(*({str(n): os.urandom(3 << 20)} for n in range(3)))
    words = rkt.argv("fetch", "--full", f"oci:{layout.path}")
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    answers = {fetching.communicate()[0].strip() for fetching in both}
    assert [fetching.returncode for fetching in both] == [0, 0]
    (key,) = answers
    rkt.ok("image", "verify", key)
    assert os.listdir(rkt.data / "cas/tmp") == []


def test_a_full_disk_is_said_and_leaves_nothing(rkt: Rktpy, layout: Layout) -> None:
    rkt.data.mkdir()
    command.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=755", "tmpfs", str(rkt.data)])
    layout.image(*({str(n): os.urandom(4 << 20)} for n in range(3)))

    done = rkt("fetch", f"oci:{layout.path}")
    assert done.status == 254
    assert "no space left on device" in done.err.lower()
    assert os.listdir(rkt.data / "cas/tmp") == []
    rkt.ok("image", "gc")  # layers that were complete are kept for the next fetch
    disk = os.statvfs(rkt.data)
    assert (disk.f_blocks - disk.f_bfree) * disk.f_frsize < 1 << 20
    command.run(["umount", str(rkt.data)])


def test_a_fetch_killed_while_it_converts_leaves_nothing(rkt: Rktpy, layout: Layout) -> None:
    layout.image(*({str(n): os.urandom(20 << 20)} for n in range(3)), compress=False)
    reference = f"oci:{layout.path}"
    for delay in (0.15, 0.3, 0.45, 0.6):
        fetching = subprocess.Popen(rkt.argv("fetch", reference), stdout=subprocess.DEVNULL)
        try:
            fetching.wait(delay)
        except subprocess.TimeoutExpired:
            fetching.kill()
        fetching.wait()
    key = rkt.ok("fetch", "--full", reference).strip()

    rkt.ok("image", "verify", key)
    rkt.ok("image", "gc")
    assert os.listdir(rkt.data / "cas/tmp") == []
