"""Redis and nginx from Debian's packages as docker images, in the storage of a registry.

images-<key>/registry    what ``docker-registry`` serves: one name for each of ``IMAGES``

``buildah`` makes them from ``debian.containerfile``, which needs the network; so they are asked for
by a fixture of the session, before a test enters a network namespace of its own.
"""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

from tests.support.buildah import Buildah
from tests.support.cache import built, key_of
from tests.support.command import run
from tests.support.host_image import (
    CHECKOUT,
    KEYRING,
    LEFT_OUT,
    apt_sources,
    transport_options,
)
from tests.support.registry import Registry

RECIPE_VERSION = 1  # raise it when the functions below build something else from the same words
IMAGES = {
    "redis": "redis:7", "nginx": "nginx:1", "capable": "capable:1", "linked": "linked:1",
    "open-redis": "redis:open", "open-nginx": "nginx:open",
}  # stage → name # fmt: skip
_CONTAINERFILE = Path(__file__).with_name("debian.containerfile")
_NGINX = """\
server {
    listen 127.0.0.1:8080;
    root /var/www/html;
}
"""


def storage() -> Path:
    """Return the storage of a registry with all ``IMAGES``; built once, nobody may write to it."""
    suite, sources = apt_sources()
    recipe = [RECIPE_VERSION, IMAGES, _CONTAINERFILE.read_text(), _NGINX, LEFT_OUT]
    key = key_of([*recipe, suite, sources, platform.machine()])

    def fill(path: str) -> None:
        work = Path(path, "work")
        work.mkdir()
        _base(work, suite, sources)
        (work / "nginx.conf").write_text(_NGINX)
        module = [sys.executable, "-m", "tests.support.debian_images"]
        run(["unshare", "--mount", *module, "build", path], cwd=CHECKOUT)
        # In a network of its own: a port that nobody else has, whoever builds at the same time.
        run(["unshare", "--mount", "--net", *module, "push", path], cwd=CHECKOUT)
        shutil.rmtree(work)

    return Path(built("images", key, fill), "registry")


def _base(work: Path, suite: str, sources: list[str]) -> None:
    (work / "sources.list").write_text("".join(f"{line}\n" for line in sources))
    (work / "apt.conf").write_text(transport_options())
    run(
        ["mmdebstrap", "--mode=root", "--variant=apt", f"--keyring={KEYRING}",
         f"--aptopt={work}/apt.conf", *(f"--dpkgopt=path-exclude={where}" for where in LEFT_OUT),
         suite, f"{work}/base.tar", f"{work}/sources.list"]
    )  # fmt: skip


def main(what: str, path: str) -> None:
    """Build the images below ``path``/work, or push them to the registry below ``path``."""
    work = Path(path, "work")
    buildah = Buildah(work)
    if what == "build":
        for stage in IMAGES:
            buildah.build(_CONTAINERFILE, stage, "--format=docker")
        return
    run(["ip", "link", "set", "lo", "up"])
    with Registry(work, data=Path(path, "registry")) as registry:
        for stage, name in IMAGES.items():  # a layer that they share is compressed once
            buildah.push(stage, f"docker://{registry.host}/{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
