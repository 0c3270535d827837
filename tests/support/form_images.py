"""One small image in every form in which registries have images, in the storage of a registry.

forms-<key>/registry    ``form`` with the tags ``docker``, ``oci``, ``zstd``, ``plain``, and of this
                        and a foreign machine ``list`` (docker's) and ``index`` (OCI's)
"""

from __future__ import annotations

import os
import shutil
import struct
import sys
from pathlib import Path

from tests.support.buildah import Buildah
from tests.support.cache import built, key_of
from tests.support.command import run
from tests.support.host_image import CHECKOUT
from tests.support.inspect_image import inspect_binary
from tests.support.layouts import GO_ARCH
from tests.support.registry import Registry

RECIPE_VERSION = 2  # raise it when the functions below build something else from the same words
FOREIGN = "arm64" if GO_ARCH != "arm64" else "amd64"  # a machine that is not this one
TAGS = ("docker", "oci", "zstd", "plain")  # all of the same content
# cap_net_raw=ep, as the kernel keeps it: version 2, effective, permitted and inheritable sets.
_NET_RAW = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
_CONTAINERFILE = Path(__file__).with_name("forms.containerfile")
_APPLETS = (
    "cat", "chgrp", "chmod", "chown", "cp", "echo", "env", "id", "ln", "ls", "mkdir", "mkfifo",
    "pwd", "rm", "sh", "sleep", "stat", "touch", "true",
)  # fmt: skip


def storage() -> Path:
    """Return the storage of a registry with all forms; built once, nobody may write to it."""
    program = inspect_binary()
    recipe = [RECIPE_VERSION, _CONTAINERFILE.read_text(), _APPLETS, program.parent.name, GO_ARCH]

    def fill(path: str) -> None:
        work = Path(path, "work")
        _context(work, program)
        module = [sys.executable, "-m", "tests.support.form_images", path]
        run(["unshare", "--mount", "--net", *module], cwd=CHECKOUT)
        shutil.rmtree(work)

    return Path(built("forms", key_of(recipe), fill), "registry")


def _context(work: Path, program: Path) -> None:
    for name in ("bin", "etc"):
        (work / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", work / "bin/busybox")
    shutil.copy(program, work / "bin/inspect")
    for name in _APPLETS:
        (work / "bin" / name).symlink_to("busybox")
    (work / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nuser1:x:1000:100::/:/bin/sh\n")
    (work / "etc/group").write_text("root:x:0:\ngroup1:x:100:\n")
    (work / "foreign").write_text(FOREIGN)
    shutil.copy(program, work / "raw")
    os.setxattr(work / "raw", "security.capability", _NET_RAW)


def main(path: str) -> None:
    """Build the images from the context ``path``/work and push them to ``path``/registry."""
    run(["ip", "link", "set", "lo", "up"])
    work = Path(path, "work")
    buildah = Buildah(work)
    buildah.build(_CONTAINERFILE, "form", "--format=docker")
    buildah.build(_CONTAINERFILE, "foreign", "--format=oci", f"--platform=linux/{FOREIGN}")
    with Registry(work, data=Path(path, "registry")) as registry:
        to = f"docker://{registry.host}/form"
        buildah.push("form", f"{to}:docker", "--format=v2s2")
        buildah.push("form", f"{to}:oci", "--format=oci")
        buildah.push("form", f"dir:{work}/plain", "--disable-compression", "--format=oci")
        copy = ["skopeo", "copy", "-q", "--dest-tls-verify=false"]
        zstd = ["--dest-compress-format=zstd", "--dest-compress"]
        run([*copy, "--preserve-digests", f"dir:{work}/plain", f"{to}:plain"])
        run([*copy, *zstd, f"dir:{work}/plain", f"oci:{work}/layout:zstd"])
        run([*copy, "--preserve-digests", f"oci:{work}/layout:zstd", f"{to}:zstd"])
        buildah("manifest", "create", "both", "form", "foreign")
        for name, format_ in (("list", "v2s2"), ("index", "oci")):
            words = ["manifest", "push", "--all", "--tls-verify=false", f"--format={format_}"]
            buildah(*words, f"--signature-policy={work}/policy.json", "both", f"{to}:{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
