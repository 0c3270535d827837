"""``buildah`` with its storage in one directory: images from container files, pushed elsewhere.

No daemon, no runtime: what a container file runs, runs in a chroot. Works in a mount namespace of
its own only, as it leaves its storage mounted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'


class Buildah:
    """A builder below the directory ``work``, which is also the context of its builds."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._policy = f"--signature-policy={work}/policy.json"
        (work / "policy.json").write_text(_POLICY)

    def build(self, containerfile: Path, stage: str, *options: str) -> None:
        """Build a stage and give the image its name."""
        words = ["bud", "--quiet", "--layers", "--isolation=chroot", self._policy, *options]
        named = [f"--target={stage}", f"--tag={stage}", f"--file={containerfile}"]
        self(*words, *named, str(self._work))

    def push(self, name: str, to: str, *options: str) -> None:
        """Copy an image to where ``to`` says, as skopeo has it; a registry may speak plain http."""
        self("push", "--quiet", "--tls-verify=false", self._policy, *options, name, to)

    def __call__(self, *words: str) -> str:
        """Run a command of buildah and return what it printed."""
        where = [f"--root={self._work}/storage", f"--runroot={self._work}/run"]
        return run(["buildah", *where, "--storage-driver=overlay", *words])
