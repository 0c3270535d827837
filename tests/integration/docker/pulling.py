"""``rktpy`` on images of a registry that speaks plain http."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.integration.run.rk import COMMAND, Rktpy

if TYPE_CHECKING:
    from tests.integration.run.rk import Arg, Done

HOST, FORMS = "localhost:5000", "localhost:5001"
REDIS, NGINX = f"docker://{HOST}/redis:7", f"docker://{HOST}/nginx:1"
CAPABLE = f"docker://{HOST}/capable:1"
LINKED = f"docker://{HOST}/linked:1"  # its logs are links to its output
FORM = f"docker://{FORMS}/form"  # a tag comes behind it


class Puller(Rktpy):
    """``rktpy`` that may take unsigned images over plain http."""

    def argv(self, *args: Arg) -> list[str]:
        options = [f"--dir={self.data}", "--insecure-options=image,http"]
        return [str(COMMAND), *options, *[os.fspath(arg) for arg in args]]

    def shell(self, image: str, script: str, *options: str) -> Done:
        """Run ``script`` in a pod of ``image``, which has /bin/sh."""
        return self.run(image, "--exec=/bin/sh", *options, "--", "-c", script)
