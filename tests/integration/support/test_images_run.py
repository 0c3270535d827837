"""Images of installed programs are complete: the programs start with nothing but the image."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench.pods import make_exited
from tests.support.closure import etcd_aci, redis_aci
from tests.support.elf import library_closure, read_elf
from tests.support.inspect_image import inspect_aci

if TYPE_CHECKING:
    from collections.abc import Callable


def _unpack(image: Path, into: Path) -> Path:
    with tarfile.open(image) as archive:
        archive.extractall(into)  # noqa: S202  # we made it
    return into / "rootfs"


@pytest.mark.parametrize(
    ("build", "command", "says"),
    [
        (redis_aci, ("/usr/bin/redis-server", "--version"), "Redis server v="),
        (etcd_aci, ("/usr/bin/etcd", "--version"), "etcd Version:"),
        (inspect_aci, ("/inspect-link", "--print-exec"), "inspect exceed as: /inspect-link"),
        (inspect_aci, ("/bin/inspect-link-bin", "--print-msg=hello"), "hello"),
    ],
)
def test_the_program_starts_in_its_image_alone(
    tmp_path: Path, build: Callable[[Path], Path], command: tuple[str, ...], says: str
) -> None:
    root = _unpack(build(tmp_path / "image.aci"), tmp_path / "image")
    result = subprocess.run(
        ["/usr/sbin/chroot", str(root), *command], capture_output=True, text=True, check=True
    )
    assert says in result.stdout


def test_the_account_owns_its_data(tmp_path: Path) -> None:
    root = _unpack(redis_aci(tmp_path / "image.aci"), tmp_path / "image")
    data = (root / "var/lib/redis").stat()
    assert (data.st_uid, data.st_gid) == (499, 499)
    assert "redis:x:499:499:" in (root / "etc/passwd").read_text()


def test_the_closure_is_what_the_linker_loads() -> None:
    program = Path("/usr/bin/redis-server").resolve()
    listed = subprocess.run(["/usr/bin/ldd", program], capture_output=True, text=True, check=True)
    loaded = {
        Path(line.split("=>")[1].split()[0]).resolve()
        for line in listed.stdout.splitlines()
        if "=>" in line
    }
    found = {path.resolve() for path in library_closure([program])}
    assert loaded <= found
    assert len(found) == len(loaded) + 1  # the interpreter


def test_a_script_is_no_elf_file(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert read_elf(script) is None


def test_pods_are_made_like_a_template(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    (template / "only").write_text("this")
    (identifier,) = make_exited(tmp_path, 1, template=template)
    assert (tmp_path / "pods/run" / identifier / "only").read_text() == "this"
