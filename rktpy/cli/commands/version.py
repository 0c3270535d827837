"""``rktpy version``."""

from __future__ import annotations

import os
import sys

from rktpy.version import APPC_VERSION, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rktpy.cli.call import Call

_GO_ARCH = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386"}


def version(call: Call) -> int:
    """Print rkt's five lines; scripts look for the labels, so they stay as they are."""
    python = ".".join(map(str, sys.version_info[:3]))
    machine = os.uname().machine
    call.out(
        f"rkt Version: {VERSION}\n"
        f"appc Version: {APPC_VERSION}\n"
        f"Go Version: none ({sys.implementation.name} {python})\n"
        f"Go OS/Arch: linux/{_GO_ARCH.get(machine, machine)}\n"
        "Features: -TPM +SDJOURNAL\n"
    )
    return 0
