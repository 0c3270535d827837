"""Debian's CNI programs, to compare with."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from rktpy.codec import compact

if TYPE_CHECKING:
    from rktpy.net.call import Call

DIRECTORY = "/usr/lib/cni"


def start(program: str, command: str, call: Call) -> subprocess.Popen[bytes]:
    """Start ``program``; its configuration is on its way to it."""
    environment = {
        "CNI_COMMAND": command, "CNI_CONTAINERID": call.container, "CNI_NETNS": "/none",
        "CNI_IFNAME": call.interface, "CNI_ARGS": call.arguments, "CNI_PATH": DIRECTORY,
    }  # fmt: skip
    process = subprocess.Popen(
        [f"{DIRECTORY}/{program}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert process.stdin
    process.stdin.write(compact(call.config()).encode())
    process.stdin.close()
    process.stdin = None
    return process


def run(program: str, command: str, call: Call) -> Any:
    """Return what ``program`` answers, as JSON value; None for nothing."""
    answer, _nothing = start(program, command, call).communicate()
    return json.loads(answer) if answer else None
